"""A second copy of the state of a search, for where the first was being written when the driver died."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from pathlib import Path

_COPY = "kept"
_TUNER = "tuner.pkl"
_STATES = ("experiment_state-*.json", "search_gen_state-*.json", "searcher-state-*.pkl", "callback_states-*")


def keep(tune: Path) -> None:
    """Keeps a copy of the state that Tune has just written whole in ``tune``."""
    new, kept, old = (tune / name for name in (f"{_COPY}.partial", _COPY, f"{_COPY}.old"))
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    for path in _files(tune):
        shutil.copyfile(path, new / path.name)
    if kept.exists():
        os.replace(kept, old)
    os.replace(new, kept)
    shutil.rmtree(old, ignore_errors=True)


def repair(tune: Path) -> bool:
    """Puts the copy in the place of a state that was cut short; whether it was."""
    copies = [folder for name in (_COPY, f"{_COPY}.old") if (folder := tune / name).exists()]
    if not copies or all(_whole(path) for path in _files(tune)):
        return False
    for path in _files(tune):
        if path.name != _TUNER:
            path.unlink()
    for path in copies[0].iterdir():
        shutil.copyfile(path, tune / path.name)
    return True


def _files(tune: Path) -> list[Path]:
    return [path for pattern in (_TUNER, *_STATES) for path in sorted(tune.glob(pattern))]


def _whole(path: Path) -> bool:
    data = path.read_bytes()
    if path.suffix == ".json":
        try:
            json.loads(data)
        except ValueError:
            return False
        return True
    # Not loaded to find out, for loading runs what it says: every pickle ends with the opcode STOP.
    return data.endswith(pickle.STOP)
