"""The reference runs beside the best trial of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import RunConfig
from ..errors import UserError
from ..record.noted_references import NotedReference, note_references, tested_reference
from ..references.derived_reference import DerivedReference
from ..references.seed_and_order import SeedAndOrder
from ..schema.shown import shown_score, shown_time
from ..storage.free_name import is_free
from ..storage.run_folder import RUNS
from ..storage.trial_files import tested_in
from ..streams.source import StreamSource
from .reference_start import check_reference, reference_start
from .time_forecast import TimeForecast

if TYPE_CHECKING:
    from .shared_session import SharedSession

_HEADLINES = ("test/seen/r_mean", "test/average")  # what a reference is shown with, where it has it


class SweepReferences:
    """The references beside the best trial of a sweep. Each is an ordinary run with the sweep's own seed and
    order, which every sweep and study that comes to the same configuration shares.

    They are derived from where the search space begins, not from what the search chose or began at beside
    it, so that other sweeps on the stream have the same.

    Args:
        like: The configuration of the method where its search space begins.
        kinds: Which references; None: all of equal compute that there are beside the method.
        storage: The URL at which new ones are kept; None: nowhere.

    Attributes:
        kinds: Which references.
        fatal: Why they ended before the last one, where another run would meet the reason too; else empty.

    Raises:
        UserError: There is no such reference beside the method. The message is one line.
    """

    def __init__(self, like: RunConfig, kinds: Sequence[str] | None, storage: str | None) -> None:
        self._all = DerivedReference.all_beside(like, like.method_name, kinds)
        self._where = SeedAndOrder.of(like)
        self._storage = storage
        self._noted: dict[str, NotedReference] = {}
        self.kinds = tuple(one.kind for one in self._all)
        self.fatal = ""

    @property
    def left(self) -> int:
        """How many have not been tested."""
        return sum(self._tested(one) is None for one in self._all)

    def preview(self, source: StreamSource) -> list[str]:
        """The lines of a dry run: which there are, which will be run, and how long that takes."""
        order = "its own order" if self._where.order is None else f"stream.order {_short(self._where.order)}"
        lines = [f"beside the best trial, with seed {self._where.seed} and {order}:"]
        for one in self._all:
            lines.append(f"  reference {one.kind:<12} {one.config.method_name}: {self._said(one, source)}")
        return lines

    def _said(self, one: DerivedReference, source: StreamSource) -> str:
        folder = RUNS / one.name(self._where)
        begun = not is_free(folder.resolve())
        if begun:
            try:
                check_reference(one, self._where, source)
            except UserError as error:
                return str(error)
            if self._tested(one) is not None:
                return f"is there already, in {folder}"
        took = TimeForecast.of(one.config, len(source.tasks), fixed=True)
        long = "how long is not known" if took is None else f"about {shown_time(3600 * took.hours(1))}"
        return f"goes on in {folder}" if begun else f"will be run; {long}"

    def run(
        self,
        folder: Path,
        source: StreamSource,
        shared: SharedSession,
        say: Callable[[str], None],
        live: Callable[[str], None],
    ) -> str:
        """Runs what is left of them.

        One that cannot begin, or that fails, is noted, and the others go on.

        Args:
            folder: The sweep's folder.
            source: The stream.
            shared: The sweep's session.
            say: Takes lines of progress.
            live: Takes in one line how far one is, whenever that changes.

        Returns:
            ``finished``, ``interrupted``, or ``failed`` with :attr:`fatal`.

        Raises:
            UserError: The session cannot begin, or has been ended by an error.
        """
        # Those that failed before are tried again.
        self._noted = {one.kind: NotedReference(one.name(self._where)) for one in self._all}
        note_references(folder, self._noted)
        ended: list[str] = []

        def begin(one: DerivedReference) -> None:
            if any(status != "finished" for status in ended):
                return
            ended.append(self._one(one, folder, source, shared, say, live))
            if (
                ended[-1] == "interrupted"
            ):  # perhaps when it had no job left, so that no other one heard of it
                shared.lent.cut_short(KeyboardInterrupt())

        shared.lent.together(partial(begin, one) for one in self._all)
        if shared.lent.interrupted:
            return "interrupted"
        return next((status for status in ended if status != "finished"), "finished")

    def _one(
        self,
        one: DerivedReference,
        folder: Path,
        source: StreamSource,
        shared: SharedSession,
        say: Callable[[str], None],
        live: Callable[[str], None],
    ) -> str:
        label = f"reference {one.kind}"

        def tell(line: str) -> None:
            say(f"{label}: {line}")

        try:
            start = reference_start(one, self._where, source, tell, self._storage)
            result = start.run(lambda text: None, shared.lend, live=lambda text: live(f"{label}: {text}"))
        except UserError as error:
            if shared.lent.broken:
                raise
            self._failed(one, str(error), folder, tell)
            return "finished"
        if result.status == "interrupted":
            return "interrupted"
        if result.fatal:
            self.fatal = self.fatal or result.reason
            return "failed"
        if result.status == "failed":
            self._failed(one, result.reason, folder, tell)
        return "finished"

    def _failed(self, one: DerivedReference, reason: str, folder: Path, tell: Callable[[str], None]) -> None:
        tell(f"failed: {reason}")
        self._noted[one.kind] = NotedReference(one.name(self._where), reason)
        note_references(folder, self._noted)

    def lines(self, name: str) -> list[str]:
        """The lines on them that the sweep prints last.

        Args:
            name: The sweep's name.
        """
        lines = ["Reference runs with the same seed and order:"]
        for one in self._all:
            run, reason = one.name(self._where), self._noted.get(one.kind, NotedReference("")).reason
            tested = self._tested(one)
            if reason:
                said = f"failed: {reason}"
            elif tested is None:
                said = "is not finished"
            else:
                said = f"{_headline(tested)}  {RUNS / run}"
            lines.append(f"  {one.kind:<12} {one.config.method_name:<16} {said}")
        if any(note.reason for note in self._noted.values()):
            lines.append(f"  To try again what failed: python -m orchestrator.sweep --resume {name}")
        return lines

    @property
    def runs(self) -> str:
        """The names of their runs, for the record."""
        return ", ".join(one.name(self._where) for one in self._all)

    def _tested(self, one: DerivedReference) -> Path | None:
        return tested_reference(RUNS / one.name(self._where))


def _headline(trial: Path) -> str:
    try:
        tested = tested_in(trial)
    except UserError:
        return "cannot be read"
    name = next((name for name in _HEADLINES if name in tested), "")
    return f"{name.removeprefix('test/')} {shown_score(tested[name]):>6} %" if name else "tested"


def _short(order: object) -> str:
    text = str(list(order) if isinstance(order, tuple) else order)
    return text if len(text) <= 40 else f"{text[:40]}..."
