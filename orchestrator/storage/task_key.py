"""How tasks are named."""

from __future__ import annotations


def task_key(index: int) -> str:
    """``task_01`` for the first task, whose ``index`` is 0. Tasks are counted from 1 wherever they are named:
    in metrics, folders, curves and lines.
    """
    return f"task_{index + 1:02d}"
