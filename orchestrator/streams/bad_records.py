"""Handles records that are malformed or missing for a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UserError

_REASONS = 3
_LONGEST = 400  # characters


class BadRecords:
    """The records that a reader leaves out, and its remarks on the rest.

    ``bad(message, reason)`` counts a bad record by its reason if ``skip`` is true. Otherwise it raises
    ``message`` as a :class:`~orchestrator.errors.UserError`.

    Attributes:
        counts: How many records were left out, by reason.
        remarks: One line for each part of the data that can be read but is hardly what its owner meant.
    """

    def __init__(self, skip: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.remarks: list[str] = []
        self._skip = skip
        self._first: dict[str, str] = {}

    def __call__(self, message: str, reason: str) -> None:
        if not self._skip:
            raise UserError(message)
        self.pass_over(message, reason)

    def pass_over(self, message: str, reason: str) -> None:
        """Leaves a record out even where bad records are errors."""
        self.counts[reason] += 1
        self._first.setdefault(reason, message)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Adds to an error that is raised inside the block what had been left out until then, with the first
        message of each reason. A missing record may be missing because it was left out.

        Raises:
            UserError: The block's own error, with that added.
        """
        try:
            yield
        except UserError as error:
            if not self.counts or type(error) is not UserError:
                raise
            raise UserError(f"{error}; left out before: {self._told()}") from None

    def _told(self) -> str:
        parts = []
        for reason, count in self.counts.most_common(_REASONS):
            first = self._first.get(reason, "")
            parts.append(f"{count} x {reason}{f' (the first: {first[:_LONGEST]})' if first else ''}")
        if rest := sum(self.counts.values()) - sum(n for _, n in self.counts.most_common(_REASONS)):
            parts.append(f"{rest} for other reasons")
        return ", ".join(parts)
