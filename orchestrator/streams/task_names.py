"""Picks the tasks of a data set that a stream has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import UserError


def check_task_names(task_names: Any) -> None:
    """Checks ``task_names`` as far as that is possible without the data.

    Raises:
        ValueError: They are no list of names, or a name is there twice. The message is one line.
    """
    if isinstance(task_names, str) or not all(isinstance(name, str) for name in task_names):
        raise ValueError(f"task_names: {task_names!r}, allowed: a list of names")
    if len(set(task_names)) < len(task_names):
        raise ValueError(f"task_names: {list(task_names)}, allowed: each name once")


def picked_tasks(task_names: Sequence[str], names: Sequence[str]) -> list[str]:
    """The tasks that a stream has, in their natural order.

    Args:
        task_names: The names of the wanted tasks; empty: all.
        names: The names of all tasks, in their natural order.

    Raises:
        UserError: A name is unknown, or the names are not in their natural order.
    """
    if unknown := [name for name in task_names if name not in names]:
        raise UserError(f"task_names: {unknown[0]!r}, allowed: {', '.join(names)}")
    kept = [name for name in names if name in task_names] if task_names else list(names)
    if task_names and kept != list(task_names):
        # An earlier version took the order of this list.
        raise UserError(
            f"task_names: {', '.join(task_names)} are not in their natural order, allowed: "
            f"{', '.join(kept)}; stream.order orders tasks"
        )
    return kept
