"""By which data a search chooses, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UserError
from ..streams.first_tasks import first_tasks
from ..streams.source import StreamSource

_WHOLE, _FIRST = "end-of-stream", "first-tasks"
_ALLOWED = f"{_WHOLE}, or {_FIRST} K"


@dataclass(frozen=True)
class SearchProtocol:
    """By which data a search chooses. Each is validation data; a test split is looked at by no search.

    ``end-of-stream`` chooses by all tasks after the last one, as is usual. ``first-tasks K`` chooses by the
    first K tasks after the K-th, where trials end (Chaudhry et al., A-GEM, ICLR 2019, section 2.1): the
    search has no later task, so that its stopping rule and its metrics are those of a stream of K tasks.

    Attributes:
        tasks: K; None: all tasks.
    """

    tasks: int | None = None

    @classmethod
    def of(cls, text: Any, place: str) -> SearchProtocol:
        """The protocol of that name.

        Args:
            text: ``end-of-stream`` or ``first-tasks K``; None: the former.
            place: Where it was found, for the error.

        Raises:
            UserError: There is no such protocol. The message is one line.
        """
        name, *more = text.split() if isinstance(text, str) and text.strip() else [text]
        if name in (None, _WHOLE) and not more:
            return cls()
        if name == _FIRST and len(more) == 1 and more[0].isdecimal() and int(more[0]) > 0:
            return cls(int(more[0]))
        if name == _FIRST:
            raise UserError(f"{place}: protocol {text!r}: allowed is {_FIRST} K, a whole number from 1")
        raise UserError(f"{place}: protocol {text!r}: allowed: {_ALLOWED}")

    @property
    def text(self) -> str:
        """What :meth:`of` reads."""
        return _WHOLE if self.tasks is None else f"{_FIRST} {self.tasks}"

    @property
    def said(self) -> str:
        """By which validation data a search chooses, in words; empty where it is all of it."""
        if self.tasks is None:
            return ""
        return "of the first task alone" if self.tasks == 1 else f"of the first {self.tasks} tasks alone"

    def shown(self, source: StreamSource) -> StreamSource:
        """What a search is shown of a stream.

        Raises:
            UserError: The stream has too few tasks. The message is one line.
        """
        return source if self.tasks is None else first_tasks(source, self.tasks)
