"""A sweep that is about to begin, or to be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import UserError
from ..record.memory_worth import MARGIN, MEMORY_SIZE
from ..storage.run_files import SPACE_FILE, SWEEP_FILE, trials_of
from ..storage.run_folder import kept_folder
from .check_objectives import check_objectives
from .check_validation import check_validation
from .restored import check_restored, check_said, said_code
from .run_start import RunStart, read_stream
from .storage_of import storage_url
from .sweep_request import SweepRequest

if TYPE_CHECKING:
    from pathlib import Path

    from ..record.run_context import RunContext
    from ..search.search_protocol import SearchProtocol
    from ..search.space import Space
    from ..streams.source import StreamSource
    from .disk_forecast import DiskForecast
    from .run_result import RunResult
    from .sessions import Sessions


@dataclass(frozen=True)
class SweepStart(RunStart):
    """A sweep that is about to begin, or to be resumed. It is made by :meth:`new` or :meth:`resumed`.

    Attributes:
        space: The search space.
        trials: How many trials the sweep is to have in all, where it is given now; None: as before, or as the
            request and the space say.
        retry: Whether failed trials are run again, once, where all have ended and none walked the whole
            stream.
    """

    request: SweepRequest
    space: Space
    trials: int | None
    retry: bool = False

    file: ClassVar[str] = SWEEP_FILE

    @classmethod
    def new(
        cls,
        request: SweepRequest,
        space_name: str,
        name: str | None,
        say: Callable[[str], None],
        *,
        source: StreamSource | None = None,
    ) -> SweepStart:
        """A sweep that begins.

        Args:
            request: The request.
            space_name: The search space, as :func:`.named_space.named_space` names it.
            name: The folder's name; None: it is made of method, stream and time.
            say: Takes lines of progress.
            source: The whole stream, where it has been read; None: it is read.

        Raises:
            UserError: The request cannot be served.
        """
        from .warm_start import warm_start

        space = _space(request, space_name, request.method)
        _check_margin(request.margin, space)
        request, space = warm_start(request, space, say)
        stream = _read(request, space, say, source)
        where = request.concurrent, request.storage
        return cls(request, space.config, stream, say, name, None, *where, space, None)

    @classmethod
    def resumed(
        cls,
        name: str,
        *,
        trials: int | None,
        concurrent: int | None,
        storage: str | None,
        said: Mapping[str, Any],
        say: Callable[[str], None],
        retry: bool = False,
        source: StreamSource | None = None,
    ) -> SweepStart:
        """Resumes the sweep in ``runs/NAME``, or at its storage.

        Args:
            name: The run's name.
            trials: How many it is to have in all; None: as many as before.
            concurrent: How many run at once; None: as before.
            storage: Where it is kept; None: ``$VLCL_STORAGE``, or where it was.
            said: Dotted key -> value of what it was started with, repeated.
            say: Takes lines of progress.
            retry: Whether failed trials are run again where all have failed or were stopped.
            source: As of :meth:`new`.

        Raises:
            UserError: There is no such sweep, it is not the user's own, or it was started with other values.
        """
        url = storage_url(storage)

        def accept(folder: Path) -> dict[str, Any]:
            request = SweepRequest.read(folder / SWEEP_FILE)
            with said_code(said, url):
                space = _space(request, str(folder / SPACE_FILE))
                check_said(space.config, said)
                check_restored(space.config, {p.key: p.samples for p in space.parameters}, said, url)
            return request.plain()

        folder = kept_folder(name, (SWEEP_FILE, SPACE_FILE), url, accept)
        request = SweepRequest.read(folder / SWEEP_FILE)
        space = _space(request, str(folder / SPACE_FILE))
        check_said(space.config, said)
        stream = _read(request, space, say, source)
        return cls(
            request, space.config, stream, say, None, folder, concurrent, storage, space, trials, retry
        )

    @property
    def _protocol(self) -> str:
        return _protocol(self.request).text

    def _preview(self) -> str:
        from .preview import preview

        trials, test, protocol = self._trials, self.request.test, _protocol(self.request)
        return preview(self.space, self.source, trials, self._concurrent, test=test, protocol=protocol)

    def _text(self) -> str:
        return self.space.path.read_text(encoding="utf-8")

    def _files(self, text: str) -> Mapping[str, str]:
        return {SPACE_FILE: text}

    def _seeds(self) -> Sequence[int]:
        return [self.config.run.seed]

    def _forecast(self, each: int) -> DiskForecast:
        from .disk_forecast import DiskForecast

        # A trial of any memory size may be chosen.
        trials = self._trials
        plan = self.space.plan(trials, self._concurrent)
        keep, tasks = self.config.run.keep, len(self.source.tasks)
        whole = trials if keep == "all" else plan.lanes + plan.sizes
        return DiskForecast(trials, whole, tasks, each, keep, "chosen" if keep == "all" else "")

    def _run(self, run: RunContext, sessions: Sessions | None) -> RunResult:
        from ..record.manifest import ask_for
        from ..record.trial_store import TrialStore
        from .sweep_run import search_run

        trials = self._trials
        if self.folder is not None:
            folder, stamp = trials_of(self.folder), run.identity.stamp
            store = TrialStore(folder, self.space.objective, len(run.names), stamp)
            again = self.retry and store.ended >= trials and store.best() is None
            if again or not store.is_over(trials, test=self.request.test):
                self._check(start=True)
            if again:
                self.say("no trial walked the whole stream: those that failed are run again")
                store.reopen_failed()
            if self.trials:
                ask_for(self.folder, self.trials)
        return search_run(run, self.space, trials, test=self.request.test, sessions=sessions)

    @cached_property
    def _trials(self) -> int:
        """How many trials the sweep is to have: as many as were asked for last, and no more than the space
        has points.

        Raises:
            UserError: Fewer are asked for than before.
        """
        from ..record.manifest import asked_for

        before = 0
        if self.folder is not None:
            before = asked_for(self.folder) or self.request.trials or self.space.trials
            if self.trials is not None and self.trials < before:
                raise UserError(
                    f"--trials {self.trials}: the sweep was asked for {before}; allowed are whole numbers "
                    f"from {before}, in all"
                )
        asked = self.trials or before or self.request.trials or self.space.trials
        trials = self.space.points(asked)
        if trials < asked:
            what = "one point" if trials == 1 else f"{trials} points"
            self.say(f"the search space has {what}: {trials} of the {asked} trials that were asked for")
        return trials


def _read(
    request: SweepRequest, space: Space, say: Callable[[str], None], known: StreamSource | None
) -> StreamSource:
    def check(source: StreamSource) -> None:
        space.check_memory(source)
        check_validation(space.config, source, space.objective.metric)
        check_objectives(space.objective, len(_protocol(request).shown(source).tasks))

    # The chosen trial will run on all tasks, so that a memory is checked against all of them.
    return _protocol(request).shown(read_stream(space.config, check, say, known))


def _space(request: SweepRequest, name: str, method: str | None = None) -> Space:
    from ..search.grid import grid
    from ..search.space import Space
    from ..search.start_point import StartPoint

    space = Space.load(name, request.stream, request.data, request.values, method=method)
    space = replace(space, objective=replace(space.objective, margin=request.margin))
    space = space.searched_by(request.sampler, request.scheduler)
    if space.sampler.name == "grid":
        grid(space)  # says what keeps it from being one
    if request.starts is None:
        return space
    space = replace(space, starts=tuple(StartPoint.read(one, SWEEP_FILE) for one in request.starts))
    space.check_starts(SWEEP_FILE)
    return space


def _protocol(request: SweepRequest) -> SearchProtocol:
    from ..search.search_protocol import SearchProtocol

    return SearchProtocol.of(request.protocol, SWEEP_FILE)


def _check_margin(margin: float, space: Space) -> None:
    if margin != MARGIN and space.objective.others:
        raise UserError(
            f"--margin {margin:g}: {space.path} has several objectives; allowed: without --margin, with "
            "replay/bytes among the objectives"
        )
    if margin != MARGIN and not space.searches(MEMORY_SIZE):
        raise UserError(
            f"--margin {margin:g}: the search space does not search {MEMORY_SIZE}; allowed: without --margin"
        )
