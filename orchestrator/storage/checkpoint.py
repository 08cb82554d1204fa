"""Checkpoints at task boundaries: safetensors and JSON, never pickled code."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import UserError
from .atomic_write import write_synced
from .file_sha256 import file_sha256
from .run_files import TOKENIZER_FOLDER
from .task_key import task_key
from .trial_files import CHECKPOINTS_FOLDER, CURVES_FILE, STATE_FILE, checkpoint_folders, whole_state

_ARRAYS = ("model.safetensors", "memory.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """The state that the next task needs, and the measurements so far.

    Attributes:
        model: The method's ``state_dict``.
        memory: The replay memory's arrays.
        reports: One dictionary of metrics for each finished task, in order.
        curves: The loss curves of all tasks so far, see :mod:`~orchestrator.storage.curve_file`.
    """

    model: dict[str, Tensor]
    memory: dict[str, np.ndarray]
    reports: list[dict[str, float]]
    curves: str = ""


class ForeignCheckpoint(UserError):
    """A checkpoint belongs to another trial or stream than the one that is to continue from it.

    The message is one line. No trial is at fault.
    """


class Keeper(Protocol):
    """Keeps a trial's files in another place beside its folder."""

    def arrays(self, folder: Path, task: int) -> None:
        """Keeps all files of ``folder``, which is the checkpoint after ``task``, except the one that vouches
        for it.
        """

    def commit(self, task: int) -> None:
        """Keeps the file that vouches for the checkpoint after ``task``, which lies in the trial's folder."""

    def file(self, name: str) -> None:
        """Keeps another file of the trial's folder, in the place of what was kept under its name."""


def folder_of(trial: Path, task: int) -> Path:
    """The folder of a trial's checkpoint after task ``task`` (from 0)."""
    return trial / CHECKPOINTS_FOLDER / task_key(task)


def save(
    trial: Path,
    task: int,
    checkpoint: Checkpoint,
    tokenizer: Mapping[str, bytes] | None = None,
    *,
    stamp: Mapping[str, str] | None = None,
    seconds: Callable[[], float] | None = None,
    keeper: Keeper | None = None,
) -> int:
    """Writes the checkpoint after ``task``, whole or not at all. This is the one point at which a task
    becomes finished.

    Args:
        trial: The trial's folder.
        task: The number of the task, from 0.
        checkpoint: What is written.
        tokenizer: Names and contents of files that are kept with the weights.
        stamp: The identity to which the checkpoint belongs, see
            :meth:`~orchestrator.storage.identity.Identity.stamp`.
        seconds: Gives the seconds that saving has taken so far. It is called last, and its answer becomes
            ``seconds/checkpoint`` of the last report.
        keeper: Keeps the checkpoint elsewhere too. There the task is finished once the keeper has the last
            file.

    Returns:
        The checkpoint's size in bytes.

    Raises:
        OSError: The disk is full or cannot be written to.
    """
    final = folder_of(trial, task)
    # The name has this process' number: workers that are thought dead may still be writing when others take
    # over their trial.
    partial = final.with_name(f"{final.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write_arrays(partial, checkpoint)
        (partial / CURVES_FILE).write_text(checkpoint.curves, encoding="utf-8")
        for name, data in (tokenizer or {}).items():
            (partial / TOKENIZER_FOLDER).mkdir(exist_ok=True)
            (partial / TOKENIZER_FOLDER / name).write_bytes(data)
        sizes = {name: (partial / name).stat().st_size for name in (*_ARRAYS, CURVES_FILE)}
        state: dict[str, Any] = {"stamp": stamp, "sizes": sizes}
        if keeper is not None:
            # Workers that are thought dead may still write under the same names there.
            state["digests"] = {name: file_sha256(partial / name) for name in sizes}
            keeper.arrays(partial, task)
        if seconds is not None:
            checkpoint.reports[-1]["seconds/checkpoint"] = seconds()
        write_synced(partial / STATE_FILE, json.dumps({**state, "reports": checkpoint.reports}))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(partial, final)
        _sync_folder(final.parent)
        if keeper is not None:
            keeper.commit(task)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return sum(sizes.values())


def _write_arrays(folder: Path, checkpoint: Checkpoint) -> None:
    # Tied weights share storage, which safetensors refuses. Therefore each name gets its own copy.
    model = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in checkpoint.model.items()}
    try:
        save_file(model, folder / _ARRAYS[0])
        save_arrays(checkpoint.memory, folder / _ARRAYS[1])
    except SafetensorError as error:
        code = errno.ENOSPC if "os error 28" in str(error) else errno.EIO
        raise OSError(code, str(error), str(folder)) from error


def load(
    trial: Path,
    task: int,
    stamp: Mapping[str, str] | None = None,
    tokenizer: Mapping[str, bytes] | None = None,
) -> Checkpoint | None:
    """Reads the checkpoint after ``task``.

    Args:
        trial: The trial's folder.
        task: The number of the task, from 0.
        stamp: The stamp that the checkpoint must have, as :func:`save` was given it. None: any stamp.
        tokenizer: The tokenizer files that the checkpoint must hold. None: any.

    Returns:
        The checkpoint, or None where there is none or it was cut short.

    Raises:
        ForeignCheckpoint: The checkpoint belongs to something else.
        OSError: The checkpoint exists and cannot be read now.
    """
    folder = folder_of(trial, task)
    state = whole_state(folder)
    if state is None:
        return None
    _check_stamp(folder, state.get("stamp"), stamp)
    _check_tokenizer(folder / TOKENIZER_FOLDER, tokenizer)
    digests = state.get("digests", {})
    if any(file_sha256(folder / name) != digest for name, digest in digests.items()):
        return None
    try:
        model = load_file(folder / _ARRAYS[0])
        memory = load_arrays(folder / _ARRAYS[1])
        curves = (folder / CURVES_FILE).read_text(encoding="utf-8")
        return Checkpoint(model, memory, state["reports"], curves)
    except (ValueError, KeyError, SafetensorError):
        return None


def _check_stamp(folder: Path, carried: object, asked: Mapping[str, str] | None) -> None:
    if asked is None or carried == asked:
        return
    here = carried if isinstance(carried, dict) else {}
    wrong = next(name for name in (*asked, *here) if here.get(name) != asked.get(name))
    raise ForeignCheckpoint(
        f"{folder}: is a checkpoint of another {wrong} ({str(here.get(wrong))[:12]}, not "
        f"{str(asked.get(wrong))[:12]}), which this trial cannot go on from; allowed: its own"
    )


def _check_tokenizer(folder: Path, asked: Mapping[str, bytes] | None) -> None:
    """Refuses a checkpoint whose tokenizer differs: the same ids mean other words in another tokenizer."""
    if asked is None or {path.name: path.read_bytes() for path in folder.glob("*")} == asked:
        return
    raise ForeignCheckpoint(
        f"{folder}: is not the tokenizer that the run has now; allowed: the one that it was started with "
        "(a copy of this folder, as runs/NAME/tokenizer)"
    )


def latest(
    trial: Path,
    tasks: int,
    stamp: Mapping[str, str] | None = None,
    tokenizer: Mapping[str, bytes] | None = None,
) -> tuple[int, Checkpoint | None]:
    """Finds a trial's newest whole checkpoint.

    Args:
        trial: The trial's folder.
        tasks: How many tasks the stream has.
        stamp: As for :func:`load`.
        tokenizer: As for :func:`load`.

    Returns:
        (tasks done, checkpoint); (0, None) where there is no whole checkpoint.

    Raises:
        ForeignCheckpoint: As :func:`load` raises it.
        OSError: As :func:`load` raises it.
    """
    for task in reversed(range(tasks)):
        if (checkpoint := load(trial, task, stamp, tokenizer)) is not None:
            return task + 1, checkpoint
    return 0, None


def keep_only(trial: Path, task: int) -> None:
    """Deletes all checkpoints of a trial except the one after ``task`` (from 0)."""
    for folder in checkpoint_folders(trial):
        if folder != folder_of(trial, task):
            shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    """Makes a rename in ``folder`` survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def restore(module: torch.nn.Module, state: dict[str, Tensor]) -> None:
    """Loads a ``state_dict`` strictly.

    Where a run continues with more classes or answers, a tensor of the module may have more rows than its
    ``state``. The rows of ``state`` come first, and the others stay as the module has them.

    Raises:
        ValueError: The names do not match. The message is one line.
        RuntimeError: A tensor has another shape otherwise.
    """
    try:
        missing, unexpected = module.load_state_dict(state, strict=False)
    except RuntimeError:
        # A module that takes its sizes from its state has done so by now.
        missing, unexpected = module.load_state_dict(_grown(module, state), strict=False)
    if missing or unexpected:
        raise ValueError(
            f"checkpoint does not fit the method: missing {missing[:3]}, unexpected {unexpected[:3]}"
        )


def _grown(module: torch.nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state with each smaller tensor at the beginning of the module's own."""
    own = module.state_dict()
    return {name: _beginning(own[name], part) if name in own else part for name, part in state.items()}


def _beginning(own: Tensor, part: Tensor) -> Tensor:
    if own.ndim != part.ndim or own.shape == part.shape or any(map(int.__lt__, own.shape, part.shape)):
        return part
    whole = own.detach().clone()
    whole[tuple(slice(size) for size in part.shape)] = part.to(whole)
    return whole
