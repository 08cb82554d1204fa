"""Checkpoints at task boundaries: safetensors and JSON, never pickled code."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch import Tensor

COMPLETE = "state.json"
"""Of a checkpoint's files the one that is written last: a folder without it was cut short."""


@dataclass(frozen=True)
class Checkpoint:
    """What the next task needs, and what was reported so far.

    ``model``: the method's ``state_dict``. ``memory``: the replay memory's arrays. ``reports``: one
    dictionary of metrics a finished task, in order.
    """

    model: dict[str, Tensor]
    memory: dict[str, np.ndarray]
    reports: list[dict[str, float]]


def folder_of(trial: Path, task: int) -> Path:
    """Where the checkpoint after task ``task`` (from 0) of a trial lies."""
    return trial / "checkpoints" / f"task_{task:02d}"


def save(trial: Path, task: int, checkpoint: Checkpoint, tokenizer: Path | None) -> int:
    """Writes the checkpoint after ``task``; it appears whole or not at all. Returns its bytes.

    ``tokenizer``: a folder whose files are kept with the weights. Raises :class:`OSError` when the disk is
    full.
    """
    final = folder_of(trial, task)
    # Its own: workers that are thought dead may still be at it when others take their trial over.
    partial = final.with_name(f"{final.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        # Tied weights share storage, which safetensors refuses: each name gets its own copy.
        model = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in checkpoint.model.items()}
        try:
            save_file(model, partial / "model.safetensors")
            save_arrays(checkpoint.memory, partial / "memory.safetensors")
        except SafetensorError as error:
            code = errno.ENOSPC if "os error 28" in str(error) else errno.EIO
            raise OSError(code, str(error), str(partial)) from error
        if tokenizer is not None:
            shutil.copytree(tokenizer, partial / "tokenizer")
        names = ("model.safetensors", "memory.safetensors")
        sizes = {name: (partial / name).stat().st_size for name in names}
        _write_synced(partial / COMPLETE, json.dumps({"sizes": sizes, "reports": checkpoint.reports}))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return sum(sizes.values())


def load(trial: Path, task: int) -> Checkpoint | None:
    """The checkpoint after ``task``, or None where there is none or it was cut short."""
    folder = folder_of(trial, task)
    try:
        state = json.loads((folder / COMPLETE).read_text())
        if any((folder / name).stat().st_size != size for name, size in state["sizes"].items()):
            return None
        model = load_file(folder / "model.safetensors")
        return Checkpoint(model, load_arrays(folder / "memory.safetensors"), state["reports"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def latest(trial: Path, tasks: int) -> tuple[int, Checkpoint | None]:
    """(tasks done, checkpoint) of the newest whole checkpoint of a trial; (0, None) where there is none."""
    for task in reversed(range(tasks)):
        if (found := load(trial, task)) is not None:
            return task + 1, found
    return 0, None


def keep_only(trial: Path, task: int) -> None:
    """Deletes every checkpoint of a trial but the one after ``task``."""
    for folder in (trial / "checkpoints").glob("task_*"):
        if folder != folder_of(trial, task):
            shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a small file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    _write_synced(partial, text)
    os.replace(partial, path)


def _write_synced(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def restore(module: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """Loads a ``state_dict`` strictly; the message of a mismatch is one line."""
    missing, unexpected = module.load_state_dict(state, strict=False)
    if missing or unexpected:
        raise ValueError(
            f"checkpoint does not fit the method: missing {missing[:3]}, unexpected {unexpected[:3]}"
        )
