"""The data by which a search chooses, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..config import parse_set
from ..errors import UserError
from ..streams.first_tasks import first_tasks
from ..streams.source import StreamSource

_WHOLE, _FIRST, _OTHER, _EACH = "end-of-stream", "first-tasks", "transfer", "per-task"
_ALLOWED = f"{_WHOLE}, {_FIRST} K, {_OTHER} stream.KEY=VALUE ..., or {_EACH}"


@dataclass(frozen=True)
class SearchProtocol:
    """The data by which a search chooses. It is always validation data: no search looks at a test split.

    ``end-of-stream`` chooses by all tasks after the last one, as is usual. ``first-tasks K`` chooses by the
    first K tasks after the K-th, where trials end (Chaudhry et al., A-GEM, ICLR 2019, section 2.1): the
    search has no later task, so that its stopping rule and its metrics are those of a stream of K tasks.
    ``transfer stream.KEY=VALUE ...`` chooses by all tasks of another stream, seed or order than the one that
    is reported on (GTEP of Cha and Cho, arXiv 2403.09066). ``per-task`` is one walk, which chooses at each
    task by that task alone (De Lange et al., TPAMI 2021, section 4; :class:`~orchestrator.per_task.PerTask`).

    Attributes:
        tasks: K; None: all tasks.
        other: ``stream.KEY=VALUE``, in which the stream of the search differs; empty: it does not differ.
        per_task: Whether values are chosen at each task.
    """

    tasks: int | None = None
    other: tuple[str, ...] = ()
    per_task: bool = False

    @classmethod
    def of(cls, text: Any, where: str) -> SearchProtocol:
        """The protocol of that name.

        Args:
            text: ``end-of-stream``, ``first-tasks K``, ``transfer stream.KEY=VALUE ...``, whose values are
                YAML without blanks, or ``per-task``; None: the first one.
            where: Where it was found, for the error.

        Raises:
            UserError: There is no such protocol. The message is one line.
        """
        name, *more = text.split() if isinstance(text, str) and text.strip() else [text]
        if name in (None, _WHOLE) and not more:
            return cls()
        if name == _EACH and not more:
            return cls(per_task=True)
        if name == _FIRST and len(more) == 1 and more[0].isdecimal() and int(more[0]) > 0:
            return cls(int(more[0]))
        if name == _FIRST:
            raise UserError(f"{where}: protocol {text!r}: allowed is {_FIRST} K, a whole number from 1")
        if name == _OTHER and more and all(one.startswith("stream.") and "=" in one for one in more):
            parse_set(more)  # it names what is wrong with a value
            return cls(other=tuple(more))
        if name == _OTHER:
            raise UserError(
                f"{where}: protocol {text!r}: allowed is {_OTHER} stream.KEY=VALUE ..., one value at least"
            )
        raise UserError(f"{where}: protocol {text!r}: allowed: {_ALLOWED}")

    @property
    def usual(self) -> bool:
        """Whether it is ``end-of-stream``."""
        return self == SearchProtocol()

    @property
    def apart(self) -> bool:
        """Whether a search sees another stream than the runs that are reported on."""
        return self.tasks is not None or bool(self.other)

    @property
    def stream(self) -> Mapping[str, Any]:
        """Dotted key -> value, in which the stream of the search differs; empty: it does not differ."""
        return parse_set(self.other)

    @property
    def text(self) -> str:
        """The text that :meth:`of` reads."""
        if self.per_task:
            return _EACH
        if self.other:
            return " ".join([_OTHER, *self.other])
        return _WHOLE if self.tasks is None else f"{_FIRST} {self.tasks}"

    @property
    def said(self) -> str:
        """The validation data by which a search chooses, in words; empty where it is all of the stream's."""
        if self.per_task:
            return "of the task at hand alone"
        if self.other:
            return "of another stream, seed or order"
        if self.tasks is None:
            return ""
        return "of the first task alone" if self.tasks == 1 else f"of the first {self.tasks} tasks alone"

    def sees(self, other: SearchProtocol) -> bool:
        """Whether a search sees all tasks of its stream that a search by ``other`` on the same stream saw."""
        return self.tasks is None or (other.tasks is not None and other.tasks <= self.tasks)

    def shown(self, source: StreamSource) -> StreamSource:
        """The part of the stream that a search sees.

        Raises:
            UserError: The stream has too few tasks. The message is one line.
        """
        return source if self.tasks is None else first_tasks(source, self.tasks)
