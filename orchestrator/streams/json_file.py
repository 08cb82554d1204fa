"""Reads JSON files of any size."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..errors import UserError


def read_json(
    path: str,
    layout: str,
    hook: Callable[[dict[str, Any]], Any] | None = None,
    *,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Reads a JSON file, in UTF-8 with or without a byte order mark.

    Args:
        path: The file.
        layout: The content that the file should have, for errors.
        hook: Replaces each object as soon as it is read, innermost first, so that parts that are not needed
            are never kept.
        pairs: Does the same with the keys and values as they are written, where a key may come twice.

    Returns:
        The file's content.

    Raises:
        UserError: The file cannot be read, is no whole JSON, nests deeper than Python reads, or has a number
            of more digits than Python converts. Without ``pairs`` also: a key comes twice in one object, so
            that one value would be lost. The message is one line.
    """

    def once(items: list[tuple[str, Any]]) -> Any:
        kept = dict(items)
        if len(kept) < len(items):
            twice = next(key for key, count in Counter(key for key, _ in items).items() if count > 1)
            raise UserError(f"{path}: holds {shown(twice)} twice in one object, allowed: {layout}")
        return kept if hook is None else hook(kept)

    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file, object_pairs_hook=pairs or once)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}), allowed: {layout}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise UserError(f"{path}: not whole JSON ({error.msg}, {where}), allowed: {layout}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not JSON in UTF-8 ({error}), allowed: {layout}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, allowed: {layout}") from None
    except ValueError as error:
        reason = str(error).partition(";")[0]
        raise UserError(f"{path}: holds a number that is too long ({reason}), allowed: {layout}") from None


def shown(value: Any) -> str:
    """Shows a value of a JSON file in a message."""
    if isinstance(value, (dict, tuple)):
        return "an object"
    return "a list" if isinstance(value, list) else json.dumps(value)[:60]
