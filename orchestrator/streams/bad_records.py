"""What a reader does with a record that is malformed or missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..errors import UserError


def count_or_raise(skip: bool) -> tuple[Callable[[str, str], None], Counter[str]]:
    """``bad(message, reason)``, and what it counted: with ``skip`` it counts a bad record by its reason, else
    it raises ``message`` as a :class:`~orchestrator.errors.UserError`.
    """
    skipped: Counter[str] = Counter()

    def bad(message: str, reason: str) -> None:
        if not skip:
            raise UserError(message)
        skipped[reason] += 1

    return bad, skipped
