"""Writes task names for people."""

from __future__ import annotations

import re

_RANGE = re.compile(r"\d+-\d+")


def shown_task(name: str) -> str:
    """``classes 1-4`` for a class-incremental task, whose name is its classes' numbers; else ``name``."""
    return f"classes {name}" if _RANGE.fullmatch(name) else name
