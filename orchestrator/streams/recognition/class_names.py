"""Reads names for class folders from a file."""

from __future__ import annotations

import unicodedata
from typing import Any

from ...errors import UserError
from ...schema import strict_yaml
from ..json_file import read_json
from ..shows import shows
from ..text.text_file import read_text


def read_class_names(path: str) -> dict[str, str]:
    """Reads the names of class folders. Names are exactly as they are written, in any language.

    The file's ending tells its format: ``.json``, an object; ``.yaml`` or ``.yml``, a mapping; any other
    ending, one line for each class with the folder, a tab (or, without a tab, spaces), and the name. It is
    UTF-8.

    Returns:
        Folder -> name. Folders are composed (NFC), since the same letters may be spelled in two ways.

    Raises:
        UserError: The file is missing or malformed, a folder comes twice, or a name is empty or no text. The
            message is one line.
    """
    if path.endswith((".yaml", ".yml")):
        content, _ = strict_yaml.read(path)
        pairs = list(content.items()) if isinstance(content, dict) else None
    elif path.endswith(".json"):
        pairs = _json(path)
    else:
        pairs = _lines(path)
    if not pairs:
        raise UserError(f"{path}: names no class, allowed: folder and name of each class")
    names: dict[str, str] = {}
    for folder, name in pairs:
        if not isinstance(name, str) or not shows(name):
            raise UserError(f"{path}: folder {folder!r} is named {name!r}, allowed: text that is not empty")
        composed = unicodedata.normalize("NFC", folder)
        if composed in names:
            raise UserError(f"{path}: folder {folder!r} is given twice, allowed: once")
        names[composed] = name
    return names


def _json(path: str) -> list[tuple[str, Any]] | None:
    content = read_json(path, "an object, folder to name", pairs=tuple)
    return list(content) if isinstance(content, tuple) else None


def _lines(path: str) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(read_text(path, "a file of class names").split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip():
            continue
        parts = line.split("\t") if "\t" in line else line.split(None, 1)
        while len(parts) > 2 and not parts[-1]:  # as spreadsheets end a line
            parts.pop()
        if len(parts) != 2:
            found = "no name" if len(parts) < 2 else f"{len(parts) - 1} tabs"
            raise UserError(
                f"{path}:{number}: {line[:200]!r} has {found}, allowed: a folder, a tab, its name"
            )
        pairs.append((parts[0], parts[1]))
    return pairs
