"""A second copy of the state of a search, for where the first was being written when the driver died."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

_COPY = "kept"
_TUNER = "tuner.pkl"
_STATES = (
    "experiment_state-*.json",
    "search_gen_state-*.json",
    "searcher-state-*.pkl",
    "callback-states-*.pkl",
)


def keep(tune: Path) -> None:
    """Keeps a copy of the state that Tune has just written whole in ``tune``."""
    new, kept, old = (tune / name for name in (f"{_COPY}.partial", _COPY, f"{_COPY}.old"))
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    for path in _files(tune):
        shutil.copyfile(path, new / path.name)
    if not all(_whole(path) for path in _files(new)):
        # Tune tells nobody that it could not write.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tune))
    if kept.exists():
        os.replace(kept, old)
    os.replace(new, kept)
    shutil.rmtree(old, ignore_errors=True)


def repair(tune: Path) -> bool:
    """Puts the copy in the place of a state that was cut short, or nothing where no trial can have begun yet;
    whether it was cut short.
    """
    copies = [folder for name in (_COPY, f"{_COPY}.old") if (folder := tune / name).exists()]
    if all(_whole(path) for path in _files(tune)):
        return False
    if not copies:
        shutil.rmtree(tune)
        return True
    fresh = [Path(shutil.copyfile(path, tune / f"{path.name}.partial")) for path in copies[0].iterdir()]
    for path in _files(tune):
        if path.name != _TUNER:
            path.unlink()
    for path in fresh:
        os.replace(path, path.with_suffix(""))
    return True


def _files(tune: Path) -> list[Path]:
    return [path for pattern in (_TUNER, *_STATES) for path in sorted(tune.glob(pattern))]


def _whole(path: Path) -> bool:
    data = path.read_bytes()
    if path.name.startswith("experiment_state"):  # alone: search_gen_state-*.json are pickles by Tune's ways
        try:
            json.loads(data)
        except ValueError:
            return False
        return True
    # Not loaded to find out, for loading runs what it says: every pickle ends with the opcode STOP, a point.
    return data.endswith(b".")
