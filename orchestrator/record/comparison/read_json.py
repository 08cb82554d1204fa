"""Reads JSON that a run wrote, or that was changed since."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from ...errors import UserError


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        UserError: The file cannot be read, or is not JSON.
    """
    return parse_json(read_text(path), str(path))


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        UserError: The file cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def parse_json(text: str, where: str) -> Any:
    """Parses a JSON text. An error begins with ``where`` the text stands.

    Raises:
        UserError: The text is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from None


def numbers(where: object, content: Any) -> Mapping[str, float]:
    """The finite numbers of a JSON object. NaN stands for what was not measured.

    Raises:
        UserError: ``content`` is no object. The message begins with ``where`` it stands.
    """
    if not isinstance(content, dict):
        raise UserError(f"{where}: expected an object of numbers, found {json.dumps(content):.80}")
    return {name: float(value) for name, value in content.items() if is_finite(value)}


def is_finite(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # JSON's whole numbers may have any length
        return False
