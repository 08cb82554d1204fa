"""Checks where a search is told what to choose at each task."""

from __future__ import annotations

from ..errors import UserError
from .space import Space


def check_plan_said(space: Space) -> None:
    """Checks that the section ``per_task`` of a search space's file alone says what is chosen at each task.
    With values of ``--set``, or of ``fixed``, a search would search keys that each of its trials chooses, and
    a walk of the protocol ``per-task`` would go by the file's section.

    Args:
        space: The space as its file and ``--set`` have it.

    Raises:
        UserError: It is said otherwise. The message is one line.
    """
    given = [key for key in space.fixed if key.partition(".")[0] == "per_task"]
    if given:
        raise UserError(
            f"{given[0]}: a fixed value cannot say what is chosen at each task; allowed: the section "
            f"per_task of the search space's file ({space.path}, or a copy with --space)"
        )
