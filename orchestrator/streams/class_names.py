"""Names for class folders, from a file."""

from __future__ import annotations

import json
from typing import Any

from .. import strict_yaml
from ..errors import UserError


def read_class_names(path: str) -> dict[str, str]:
    """Folder -> name, the names exactly as they are written, in any language.

    By the file's ending: ``.json``, an object; ``.yaml`` or ``.yml``, a mapping; any other, a line a class:
    the folder, a tab (or, without one, spaces), the name. UTF-8. :class:`~orchestrator.errors.UserError`, one
    line: a file that is missing or malformed, a folder given twice, a name that is empty or no text.
    """
    if path.endswith((".yaml", ".yml")):
        found, _ = strict_yaml.read(path)
        pairs = list(found.items()) if isinstance(found, dict) else None
    elif path.endswith(".json"):
        pairs = _json(path)
    else:
        pairs = _lines(path)
    if not pairs:
        raise UserError(f"{path}: names no class, allowed: folder and name of each class")
    names: dict[str, str] = {}
    for folder, name in pairs:
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{path}: folder {folder!r} is named {name!r}, allowed: text that is not empty")
        if folder in names:
            raise UserError(f"{path}: folder {folder!r} is given twice, allowed: once")
        names[folder] = name
    return names


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8-sig", newline="\n") as file:
            return file.read()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}), allowed: a file of class names"
        ) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}), allowed: text in UTF-8") from None


def _json(path: str) -> list[tuple[str, Any]] | None:
    try:
        found = json.loads(_read(path), object_pairs_hook=tuple)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not whole JSON ({error}), allowed: an object, folder to name") from None
    return list(found) if isinstance(found, tuple) else None


def _lines(path: str) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(_read(path).split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip():
            continue
        parts = line.split("\t", 1) if "\t" in line else line.split(None, 1)
        if len(parts) < 2:
            raise UserError(f"{path}:{number}: {line!r} has no name, allowed: a folder, a tab, its name")
        pairs.append((parts[0], parts[1]))
    return pairs
