"""Reads lists of pictures with their labels."""

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
    """Pictures and their labels.

    Attributes:
        paths: The pictures' paths, from the data folder on.
        labels: The class of each picture.
    """

    paths: list[str]
    labels: list[int]


def listed_pictures(root: str, path: str, bad: Callable[[str, str], None]) -> PictureList:
    """Reads a list file with a line "path label" for each picture, such as CLAP4CLIP's
    ``imagenetr_train.txt``.

    A path may hold spaces. Where a path in the list and on the disk differ only in how letters are composed
    (NFC in the list, NFD on the disk, as in archives of macOS), the path on the disk is taken.

    Args:
        root: The folder that paths start at.
        path: The list file.
        bad: ``bad(message, reason)`` is called for each malformed line, and for a picture that does not exist
            or lies outside ``root``. These are left out. The function may raise.

    Raises:
        UserError: The file cannot be read.
    """
    listed = PictureList([], [])
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
            listed.paths.append(there)
            listed.labels.append(int(label))
    return listed


def _on_disk(root: str, picture: str, names: Callable[[str], dict[str, str]]) -> str | None:
    """The path of the file whose name has the same letters; None where there is none."""
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
    """Composed name -> name, for all that a folder holds; empty where it cannot be read."""
    try:
        return {unicodedata.normalize("NFC", name): name for name in sorted(os.listdir(folder))}
    except OSError:
        return {}
