"""How names tell tasks apart."""

from __future__ import annotations


def task_key(index: int) -> str:
    """``task_01`` for the first task, ``index`` 0: tasks are counted from 1 wherever they are named, in
    metrics, folders, curves and lines.
    """
    return f"task_{index + 1:02d}"
