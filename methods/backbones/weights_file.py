"""Reads the tensors of a weights file, whatever program wrote it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from .load_reason import load_reason

# Keys under which training programs put the state dict. Averaged weights come first, as timm reads them.
_UNDER = ("state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model", "module")
_MOST_MODULES = 100_000

FILE_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")
"""What the names of weights files end in."""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Reads the tensors of a file, onto the CPU.

    The file may be safetensors, a torch file or a TorchScript archive, whatever its name ends in. A torch
    file may hold a state dict, bare or under one of the keys of training programs, or a whole module. What a
    file holds beside tensors (options, an optimizer's state, programs) is replaced by objects that do
    nothing: nothing that the file holds or names is run.

    Args:
        path: The file.

    Returns:
        A tensor by name. Numbers of any precision become float32.

    Raises:
        ValueError: The file cannot be read. The message continues a sentence that begins with the weights'
            name.
    """
    try:
        content = _content(Path(os.path.expanduser(path)))
    except Exception as error:  # a file can be broken in as many ways as there are formats
        raise ValueError(f"cannot be read: {load_reason(error)}") from error
    state = _state(content)
    if not state:
        names = f"; its keys are {_listed(content)}" if isinstance(content, Mapping) and content else ""
        raise ValueError(f"hold no model's state dict, neither bare nor under 'model' or 'state_dict'{names}")
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}


class _Inert:
    """Replaces whatever a file names beside tensors."""

    def __new__(cls, *_: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update({name: value for name, value in state.items() if isinstance(name, str)})


def _content(path: Path) -> Any:
    with open(path, "rb") as file:
        head = file.read(256)
    if not head:
        raise ValueError("the file is empty")
    if head.startswith(b"version https://git-lfs"):
        raise ValueError("the file is git-lfs's pointer to the weights: 'git lfs pull' brings them")
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise ValueError("the file is a web page")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        return load_file(path)
    # The file is opened here, since torch judges a path by its name and a file by its bytes.
    with _without_programs(path) or open(path, "rb") as source:
        named = get_unsafe_globals_in_checkpoint(source) if head.startswith(b"PK") else []
        source.seek(0)
        with safe_globals([(_Inert, name) for name in named]):
            return torch.load(source, map_location="cpu", weights_only=True)


def _without_programs(path: Path) -> io.BytesIO | None:
    """The tensors of a TorchScript archive in the form in which torch.save writes them; None for another
    file.
    """
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        records = {entry: entry.filename.partition("/")[2] for entry in archive.infolist()}
        if "constants.pkl" not in records.values():
            return None
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as kept:
            for entry, record in records.items():
                if record not in ("data.pkl", "version", "byteorder") and not record.startswith("data/"):
                    continue
                if entry.compress_type != zipfile.ZIP_STORED:  # torch stores tensors as they are
                    raise ValueError("the archive's tensors are compressed")
                kept.writestr(entry.filename, archive.read(entry))
    out.seek(0)
    return out


def _state(content: Any) -> dict[str, Tensor]:
    candidates = [content.get(key) for key in _UNDER] if isinstance(content, Mapping) else []
    return next((state for candidate in (*candidates, content) if (state := _tensors(candidate))), {})


def _tensors(content: Any) -> dict[str, Tensor]:
    if isinstance(content, _Inert):
        return _of_module(content)
    items = content.items() if isinstance(content, Mapping) else ()
    return {name: value for name, value in items if isinstance(value, Tensor) and isinstance(name, str)}


def _of_module(root: _Inert) -> dict[str, Tensor]:
    """The tensors of a module that was saved whole, by their dotted names."""
    state: dict[str, Tensor] = {}
    left = [("", root)]
    for _ in range(_MOST_MODULES):
        if not left:
            return state
        prefix, module = left.pop()
        for name, value in _parts(module).items():
            if isinstance(value, Tensor):
                state[f"{prefix}{name}"] = value
            elif isinstance(value, _Inert):
                left.append((f"{prefix}{name}.", value))
    return {}


def _parts(module: _Inert) -> dict[str, Any]:
    held = vars(module)
    if "_parameters" not in held:
        return held  # a TorchScript archive, whose modules hold all of it side by side
    groups = [held.get(name) for name in ("_parameters", "_buffers", "_modules")]
    passing = held.get("_non_persistent_buffers_set") or ()
    return {n: v for group in groups if isinstance(group, dict) for n, v in group.items() if n not in passing}


def _listed(content: Mapping[Any, Any]) -> str:
    names = [str(name)[:40] for name in list(content)[:5]]
    return ", ".join(names) + (", ..." if len(content) > 5 else "")
