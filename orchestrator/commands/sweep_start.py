"""A sweep that is about to begin, or to be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import UserError
from ..record.memory_worth import MARGIN, MEMORY_SIZE
from ..search.budget import Budget
from ..storage.run_files import SPACE_FILE, SWEEP_FILE, trials_of
from ..storage.run_folder import kept_folder
from .asked_references import asked_references, keep_references
from .check_objectives import check_objectives
from .check_validation import check_validation
from .restored import check_restored, check_said, said_code
from .run_start import RunStart, read_stream
from .storage_of import storage_url, whole_url
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
    from .sweep_extent import SweepExtent
    from .sweep_references import SweepReferences


@dataclass(frozen=True)
class SweepStart(RunStart):
    """A sweep that is about to begin, or to be resumed. It is made by :meth:`new` or :meth:`resumed`.

    Attributes:
        space: The search space.
        trials: How many trials the sweep is to have in all, where it is given now; None: as before, or as the
            request and the space say.
        retry: Whether failed trials are run again, once, where all have ended and none walked the whole
            stream.
        budget: What its trials may spend in all, where that is given now; None: as before, or as the request
            says.
        references: The reference runs beside its best trial; None: there are none.
    """

    request: SweepRequest
    space: Space
    trials: int | None
    retry: bool = False
    budget: Budget | None = None
    references: SweepReferences | None = None

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
        references: Sequence[str] | None = (),
    ) -> SweepStart:
        """A sweep that begins.

        Args:
            request: The request.
            space_name: The search space, as :func:`.named_space.named_space` names it.
            name: The folder's name; None: it is made of method, stream and time.
            say: Takes lines of progress.
            source: The whole stream, where it has been read; None: it is read.
            references: The kinds of reference runs beside the best trial; None: all of equal compute.

        Raises:
            UserError: The request cannot be served.
        """
        from ..search.check_rate_said import check_rate_said
        from .warm_start import warm_start

        space = _space(request, space_name, request.method)
        _check_margin(request.margin, space)
        check_rate_said(space, request.values or {})
        if request.budget is not None:
            Budget.of(request.budget, "budget").check_options(space.config.run)
        request, beside = asked_references(request, space, references)
        request, space = warm_start(request, space, say)
        stream = _read(request, space, say, source)
        where = request.concurrent, request.storage
        own = request, space.config, stream, say, name, None, *where, space, None
        return cls(*own, references=beside)

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
        budget: Budget | None = None,
        references: Sequence[str] | None = (),
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
            budget: What its trials may spend in all, where it was started with a budget; None: as before.
            references: The kinds of further reference runs beside the best trial; None: all of equal compute.

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
        if space.config.per_task is not None and trials not in (None, 1):
            raise UserError(
                f"--trials {trials}: {name} chooses at each task, in one trial; allowed: without it"
            )
        check_said(space.config, said)
        if references != () and not request.test:
            raise UserError(
                f"--resume {name} --references: the sweep looks at no test data, by which references are "
                "compared; allowed: without --references"
            )
        request, beside = asked_references(request, space, references, whole_url(storage))
        stream = _read(request, space, say, source)
        how = None, folder, concurrent, storage, space, trials, retry, budget, beside
        return cls(request, space.config, stream, say, *how)

    @property
    def _protocol(self) -> str:
        return _protocol(self.request).text

    @property
    def _budget_text(self) -> str:
        budget = self._extent.budget
        return "" if budget is None else budget.text

    @property
    def _points(self) -> int:
        from ..search.budget import MOST_TRIALS

        points = self.space.points(MOST_TRIALS)
        return points if points < MOST_TRIALS else 0

    def _preview(self) -> str:
        from .preview import preview

        test, protocol, extent = self.request.test, _protocol(self.request), self._extent
        return preview(self.space, self.source, extent, self._concurrent, test=test, protocol=protocol)

    def _text(self) -> str:
        return self.space.path.read_text(encoding="utf-8")

    def _files(self, text: str) -> Mapping[str, str]:
        return {SPACE_FILE: text}

    def _seeds(self) -> Sequence[int]:
        return [self.config.run.seed]

    def _forecast(self, each: int) -> DiskForecast:
        from .disk_forecast import DiskForecast

        # A trial of any memory size may be chosen. A budget's trials are forecast as the space's number.
        trials = self.space.points(self.space.trials) if self._extent.open else self._extent.trials
        plan = self.space.plan(trials, self._concurrent)
        keep, tasks = self.config.run.keep, len(self.source.tasks)
        whole = trials if keep == "all" else plan.lanes + plan.sizes
        return DiskForecast(trials, whole, tasks, each, keep, "chosen" if keep == "all" else "")

    def _run(self, run: RunContext, sessions: Sessions | None) -> RunResult:
        from ..record.manifest import ask_for, give_budget, open_budget
        from ..record.trial_store import TrialStore
        from ..search.budget import MOST_TRIALS
        from .sweep_run import search_run

        trials, budget = self._extent.trials, self._extent.budget
        if self.folder is not None:
            folder, stamp = trials_of(self.folder), run.identity.stamp
            store = TrialStore(folder, self.space.objective, len(run.names), stamp)
            again = self.retry and store.ended >= trials and store.best() is None
            left = self.references.left if self.references is not None and store.best() is not None else 0
            if again or left or not store.is_over(trials, test=self.request.test):
                self._check(start=True)
            if again:
                self.say("no trial walked the whole stream: those that failed are run again")
                store.reopen_failed()
            if again and budget is not None:  # what they take now may come to more trials
                open_budget(self.folder)
                trials = self.space.points(MOST_TRIALS)
            if self.trials:
                ask_for(self.folder, self.trials)
            if self.budget is not None and self._extent.open:  # else it is the one that was used up
                give_budget(self.folder, self.budget.text)
            keep_references(self.folder / SWEEP_FILE, self.request)
        how: dict[str, Any] = {"test": self.request.test, "sessions": sessions, "budget": budget}
        return search_run(run, self.space, trials, **how, references=self.references)

    @cached_property
    def _extent(self) -> SweepExtent:
        """How far the sweep goes.

        Raises:
            UserError: The sweep is given less than before, or another kind. The message is one line.
        """
        from .sweep_extent import SweepExtent

        now = self.trials, self.budget
        return SweepExtent.of(self.request, self.space, self.folder, *now, self.say)

    def _takes(self) -> list[str]:
        from .budget_forecast import budget_forecast

        extent, beside = self._extent, self.references
        more = [] if beside is None else beside.preview(self.source)
        if extent.budget is None or not extent.open:
            return [*super()._takes(), *more]
        tasks = len(self.source.tasks)
        return [budget_forecast(extent.budget, self.config, tasks, self.folder), *more]


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
    from ..search.check_plan_said import check_plan_said
    from ..search.grid import grid
    from ..search.per_task_space import per_task_space
    from ..search.space import Space
    from ..search.start_point import StartPoint

    space = Space.load(name, request.stream, request.data, request.values, method=method)
    check_plan_said(space)
    space = replace(space, objective=replace(space.objective, margin=request.margin))
    space = space.searched_by(request.sampler, request.scheduler)
    if _protocol(request).per_task:
        return per_task_space(space)
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
