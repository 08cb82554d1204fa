"""What people are shown of a task's name."""

from __future__ import annotations

import re

_RANGE = re.compile(r"\d+-\d+")


def shown_task(name: str) -> str:
    """``classes 1-4`` of a class-incremental task, whose name is its classes' numbers; else ``name``."""
    return f"classes {name}" if _RANGE.fullmatch(name) else name
