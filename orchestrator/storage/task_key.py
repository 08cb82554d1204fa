"""Names tasks."""

from __future__ import annotations

_BEGIN = "task_"

TASK_KEY = rf"{_BEGIN}(\d+)"
"""A pattern of such a name. Its group is the task's number, from 1."""


def task_key(index: int) -> str:
    """``task_01`` for the first task, whose ``index`` is 0. Tasks are counted from 1 wherever they are named:
    in metrics, folders, curves and lines.
    """
    return f"{_BEGIN}{index + 1:02d}"
