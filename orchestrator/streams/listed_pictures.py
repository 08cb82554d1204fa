"""Lists of pictures with their labels."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UserError


@dataclass(frozen=True)
class Listed:
    """``paths``: of pictures, from the data folder on. ``labels``: the class of each."""

    paths: list[str]
    labels: list[int]


def listed_pictures(root: str, path: str, bad: Callable[[str, str], None]) -> Listed:
    """What a list file holds: a line "path label" a picture, as CLAP4CLIP's ``imagenetr_train.txt``; a path,
    from ``root`` on, may hold spaces.

    ``bad(message, reason)`` is called for each malformed line and for a picture that is not there, or outside
    of ``root``, which are left out: it may raise. :class:`~orchestrator.errors.UserError` for a file that
    cannot be read.
    """
    found = Listed([], [])
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}), allowed: a list of pictures and labels"
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}), allowed: text in UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        picture, _, label = line.strip().rpartition(" ")
        picture = os.path.normpath(picture.strip()) if picture.strip() else ""
        if not picture or not label.lstrip("-").isdecimal():
            message = f"{path}:{number}: {line.strip()!r} is no picture with its label, allowed: PATH LABEL"
            bad(message, "no picture with its label")
        elif picture == ".." or picture.startswith("../"):
            message = f"{path}:{number}: {picture} is not in {root}, allowed: one that is"
            bad(message, "not in the data folder")
        elif not os.path.isfile(f"{root}/{picture}"):
            bad(f"{path}:{number}: {root}/{picture}: no such file, allowed: one that exists", "no such file")
        else:
            found.paths.append(picture)
            found.labels.append(int(label))
    return found
