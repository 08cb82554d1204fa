"""What a reader does with a record that is malformed or missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UserError

_REASONS = 3
_LONGEST = 400  # characters


class BadRecords:
    """What a reader leaves out, and what it has to say of the rest.

    Called as ``bad(message, reason)`` it counts a bad record by its reason where ``skip``, else it raises
    ``message`` as a :class:`~orchestrator.errors.UserError`. ``counts``: records left out, by reason.
    ``remarks``: one line each on data that is read, but hardly as it was meant.
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
        """Leaves a record out whether or not bad ones may be."""
        self.counts[reason] += 1
        self._first.setdefault(reason, message)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """An error that is raised inside also says what had been left out until then, with the first message
        of each reason: what is missing may be missing for that.
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
