"""P9D's JSON files, checked record by record."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...errors import UserError
from ..json_file import read_json, shown
from ..shows import shows
from ..text.clean_caption import clean_caption

WORDS = 30
"""How many words of a title make its caption."""

_FIELDS = ("title", "cate_name", "industry_name")


@dataclass
class Records:
    """The sound records of one industry in one file, as columns of equal length, in the file's order."""

    ids: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)


def read_train(path: str, bad: Callable[[str, str], None]) -> dict[str, Records]:
    """Reads ``{industry: {id: {"title", "cate_name"}}}``.

    Args:
        path: The file.
        bad: ``bad(message, reason)`` is called for each malformed record, which is left out. It may raise.

    Returns:
        The records by industry, in the file's order.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    top = _load(path)
    industries = {}
    for industry, items in top.items():
        if not isinstance(items, dict):
            raise UserError(
                f"{path}: industry {industry!r} is {shown(items)}, allowed: an object of records by id"
            )
        industries[industry] = records = Records()
        for item, title, category, _ in _sound(path, items, ("title", "cate_name"), bad):
            _append(records, item, title, category)
    return industries


def read_flat(
    path: str, industries: dict[str, Records], bad: Callable[[str, str], None]
) -> dict[str, Records]:
    """Reads ``{id: {"title", "cate_name", "industry_name"}}``.

    Args:
        path: The file.
        industries: The industries that are allowed, those of ``train.json``.
        bad: As for :func:`read_train`.

    Returns:
        The records by industry.

    Raises:
        UserError: As :func:`read_train` raises it.
    """
    by_industry = {industry: Records() for industry in industries}
    spelled = {_composed(industry): industry for industry in industries}
    for item, title, category, industry in _sound(path, _load(path), _FIELDS, bad):
        known = spelled.get(_composed(industry))
        if known is None:
            message = (
                f"{path}: record {item!r}: industry_name is {industry!r}, allowed: an industry of train.json"
            )
            bad(message, "industry_name not in train.json")
            continue
        _append(by_industry[known], item, title, category)
    return by_industry


def _composed(name: str) -> str:
    """Composes a name, because é has two encodings that look alike."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _append(records: Records, item: str, title: str, category: str) -> None:
    records.ids.append(item)
    records.titles.append(title)
    records.categories.append(category)


def _load(path: str) -> dict[str, Any]:
    top = read_json(path, "a JSON object of P9D's layout", _compact)
    if not isinstance(top, dict):
        raise UserError(f"{path}: holds {shown(top)}, allowed: a JSON object")
    return top


def _compact(entry: dict[str, Any]) -> Any:
    """A well-formed record as three of the many fields that P9D gives: a million dictionaries of links would
    fill gigabytes.
    """
    values = tuple(entry.get(name) for name in _FIELDS)
    return values if type(values[0]) is str and type(values[1]) is str else entry


def _sound(
    path: str, items: dict[str, Any], required: tuple[str, ...], bad: Callable[[str, str], None]
) -> Iterator[tuple[str, str, str, Any]]:
    shared: dict[str, str] = {}
    for item, record in items.items():
        fault = _name_fault(item) or _record_fault(record, required)
        if fault:
            held, allowed, reason = fault
            bad(f"{path}: record {item!r}: {held}, allowed: {allowed}", reason)
            continue
        title, category, industry = record
        category = _composed(category)
        yield item, title, shared.setdefault(category, category), industry


def _name_fault(item: str) -> tuple[str, str, str] | None:
    if not item or item in (".", "..") or any(c in item for c in "/\\\0"):
        return "its id is no file name", "an id without / and \\", "id is no file name"
    return None if _is_text(item) else ("its id holds half a character", "whole Unicode", "id is not Unicode")


def _record_fault(record: Any, required: tuple[str, ...]) -> tuple[str, str, str] | None:
    if isinstance(record, dict):
        values = [record.get(name) for name in _FIELDS]
        present = [name in record for name in _FIELDS]
    elif isinstance(record, tuple):
        values, present = list(record), [value is not None for value in record]
    else:
        return f"is {shown(record)}", f"an object with {', '.join(required)}", "record is no object"
    for name in required:
        index = _FIELDS.index(name)
        value = values[index]
        if not present[index]:
            return f"has no {name}", f"{name}, a string", f"no {name}"
        if not isinstance(value, str) or not shows(value):
            return f"{name} is {shown(value)}", "a string that is not empty", f"{name} is no text"
        if not _is_text(value):
            return f"{name} holds half a character", "whole Unicode", f"{name} is not Unicode"
        if name == "title" and not any(map(str.isalnum, value)) and not _says(clean_caption(value, WORDS)):
            return f"title is {shown(value)}", "more than punctuation", "title is punctuation alone"
    return None


def _says(caption: str) -> bool:
    """Whether the caption has a letter, a number or a symbol, such as an emoji."""
    return any(shows(c) and unicodedata.category(c)[0] in "LNSC" for c in caption)


def _is_text(value: str) -> bool:
    """Whether UTF-8 can hold the text, since JSON's escapes allow lone surrogates."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
