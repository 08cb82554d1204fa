"""Lists of pictures with their labels."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from ..text.text_file import read_text

_LINE_END = re.compile(r"\r\n|\r|\n")
_LABEL = re.compile(r"-?[0-9]{1,40}")
_SHOWN = 200  # characters


@dataclass(frozen=True)
class PictureList:
    """``paths``: of pictures, from the data folder on. ``labels``: the class of each."""

    paths: list[str]
    labels: list[int]


def listed_pictures(root: str, path: str, bad: Callable[[str, str], None]) -> PictureList:
    """What a list file holds: a line "path label" a picture, as CLAP4CLIP's ``imagenetr_train.txt``; a path,
    from ``root`` on, may hold spaces. Where only the composition of letters differs (NFC in the list, NFD on
    the disk, as in archives of macOS), the path is that on the disk.

    ``bad(message, reason)`` is called for each malformed line and for a picture that is not there, or outside
    of ``root``, which are left out: it may raise. :class:`~orchestrator.errors.UserError` for a file that
    cannot be read.
    """
    found = PictureList([], [])
    names = lru_cache(maxsize=None)(_names)
    for number, line in enumerate(_LINE_END.split(read_text(path, "a list of pictures and labels")), 1):
        if not line.strip():
            continue
        picture, _, label = line.strip().rpartition(" ")
        picture = os.path.normpath(picture.strip()) if picture.strip() else ""
        if not picture or not _LABEL.fullmatch(label):
            shown = line.strip()[:_SHOWN]
            message = f"{path}:{number}: {shown!r} is no picture with its label, allowed: PATH LABEL"
            bad(message, "no picture with its label")
        elif picture == ".." or picture.startswith("../"):
            message = f"{path}:{number}: {picture} is not in {root}, allowed: one that is"
            bad(message, "not in the data folder")
        elif (there := _on_disk(root, picture, names)) is None:
            bad(f"{path}:{number}: {root}/{picture}: no such file, allowed: one that exists", "no such file")
        else:
            found.paths.append(there)
            found.labels.append(int(label))
    return found


def _on_disk(root: str, picture: str, names: Callable[[str], dict[str, str]]) -> str | None:
    """The path of the file whose name has the same letters; None: there is none."""
    if os.path.isfile(f"{root}/{picture}"):
        return picture
    if picture.isascii():
        return None
    there = ""
    for part in picture.split("/"):
        name = names(f"{root}/{there}").get(unicodedata.normalize("NFC", part))
        if name is None:
            return None
        there = os.path.join(there, name)
    return there if os.path.isfile(f"{root}/{there}") else None


def _names(folder: str) -> dict[str, str]:
    """Composed name -> name, of all that is in a folder; of none where it cannot be read."""
    try:
        return {unicodedata.normalize("NFC", name): name for name in sorted(os.listdir(folder))}
    except OSError:
        return {}
