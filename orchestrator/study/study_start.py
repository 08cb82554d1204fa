"""A study that is about to begin, or to be resumed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ..commands.last_lines import last_lines
from ..errors import UserError
from ..execution.ray_environment import ray_environment
from ..references.reference_kinds import more_references
from ..search.budget import Budget
from ..search.check_rate_said import check_rate_said
from ..search.scheduler_choice import SchedulerChoice
from ..storage.atomic_write import write_text
from ..storage.full_disk import is_full
from ..storage.own_folder import check_own
from ..storage.plain_name import check_plain
from ..storage.run_files import PAGE_FILE, RESULT_FILE, SPACE_FILE, STUDY_FILE
from ..storage.run_folder import RUNS, check_free
from ..storage.run_lock import run_lock
from ..storage.user_path import user_path
from .arm import Arm
from .check_kept import check_kept
from .pairs_said import pairs_said
from .reference_forecast import ReferenceForecast
from .run_name import run_name
from .runs_now import runs_now
from .study import Study
from .study_book import StudyBook
from .study_files import TABLE_FILES, write_study_files
from .study_forecast import ArmForecast, forecast_line
from .study_request import StudyRequest
from .study_table import study_table

if TYPE_CHECKING:
    from .study_run import StudyRun


@dataclass(frozen=True)
class StudyStart:
    """A study whose search spaces have been read. It is made by :meth:`new` or :meth:`resumed`.

    Attributes:
        study: The study.
        say: Takes a line of progress.
    """

    study: Study
    say: Callable[[str], None]

    @classmethod
    def new(cls, request: StudyRequest, name: str | None, say: Callable[[str], None]) -> StudyStart:
        """A study that begins.

        Args:
            request: The request.
            name: The study's name; None: by the time.
            say: Takes lines of progress.

        Raises:
            UserError: The request cannot be served. The message is one line.
        """
        chosen = f"study-{datetime.now():%Y%m%d-%H%M%S}" if name is None else name
        check_free(chosen)
        if request.scheduler is None and not request.protocol.per_task:
            # A rule stops the best trial of some methods more often than that of others.
            request = replace(request, scheduler="none")
        study = Study.of(chosen, request)
        for arm in study.arms:
            check_rate_said(arm.space, arm.searched.values, f"{arm.method.label}: ")
        for run in study.names:
            check_free(run)
        return cls(study, say)

    @classmethod
    def resumed(
        cls,
        name: str,
        say: Callable[[str], None],
        *,
        methods: Sequence[str] = (),
        pairs: int | None = None,
        trials: int | None = None,
        references: Sequence[str] | bool | None = None,
        budget: Budget | None = None,
        best: int | None = None,
        orders: str | None = None,
    ) -> StudyStart:
        """Resumes the study in ``runs/NAME``, which may grow.

        Args:
            name: The study's name.
            say: Takes lines of progress.
            methods: Further methods, ``+er`` or ``er``.
            pairs: How many pairs there are to be in all; None: as many as before.
            trials: How many trials each search is to have in all; None: as many as before.
            references: Further reference runs beside the methods; True: all of equal compute; None: as
                before.
            budget: What the trials of each search may spend in all; None: as before.
            best: How many trials of each search are to be run with every pair in all; None: as before.
            orders: ``extreme``: the chosen values are run in extreme orders too; None: as before.

        Raises:
            UserError: There is no such study, it cannot become what is asked for, or a run of it had another
                request.
        """
        request = _kept_request(name, "--resume")
        for key, more, had in (("pairs", pairs, request.pairs), ("best", best, request.best)):
            if more is not None and more < had:
                allowed = f"allowed are whole numbers from {had}, in all"
                raise UserError(f"--{key} {more}: the study was asked for {had}; {allowed}")
        if trials is not None or budget is not None:
            _check_given(Study.of(name, request), trials, budget)
        known_labels = {arm.label for arm in request.methods}
        further = [method.removeprefix("+") for method in methods]
        if again := [m for m in further if m in known_labels or further.count(m) > 1]:
            raise UserError(f"--methods {again[0]}: the study has it; allowed are others, as --methods +NAME")
        arms = (*request.methods, *(Arm(method, method) for method in further))
        grown = replace(request, methods=arms, pairs=pairs or request.pairs, trials=trials or request.trials)
        if references is not None:
            grown = replace(grown, references=more_references(request.references, references))
        grown = replace(grown, budget=budget or request.budget, best=best or request.best)
        grown = replace(grown, orders=orders or request.orders)
        study = Study.of(name, grown)
        check_kept(study, StudyBook(study.folder))
        return cls(study, say)

    @classmethod
    def recorded(cls, name: str, say: Callable[[str], None]) -> StudyStart:
        """Reads the study in ``runs/NAME`` as it is recorded, without resuming it. Where the file of a search
        space is gone, the copy that the search kept takes its place.

        Args:
            name: The study's name.
            say: Takes lines of progress.

        Raises:
            UserError: There is no such study, or its request cannot be read.
        """
        request = _with_kept_spaces(name, _kept_request(name, "--report"))
        return cls(Study.of(name, request), say)

    def preview(self) -> str:
        """Describes what would be run, as text. Nothing is started."""
        study, book = self.study, StudyBook(self.study.folder)
        request, runs = study.request, list(runs_now(study, book))
        lines = [request.question, ""] if request.question else []
        lines.append(
            f"Study {study.name}: {len(study.arms)} searches, {request.pairs} pairs of seed and order"
        )
        if request.budget is not None:
            lines.append(f"  each search has {request.budget.said}")
        if request.protocol.said:
            lines.append(f"  chosen by validation data {request.protocol.said} ({request.protocol.text})")
        if request.scheduler is not None:
            lines.append(f"  {SchedulerChoice(request.scheduler).said}")
        lines += pairs_said(request)
        own = [run for run in runs if run.reference is None]
        forecasts = [ArmForecast.of(arm, [run for run in own if run.arm is arm]) for arm in study.arms]
        beside = [ReferenceForecast.of(one, runs) for one in study.references]
        for arm, forecast in zip(study.arms, forecasts, strict=True):
            where = f"  {arm.method.label:<16} {arm.space.config.stream_name:<20}"
            given = f"{arm.trials:>3} trials" if arm.budget is None else arm.budget.text
            over = f"{given} over {len(arm.space.parameters)} keys"
            search = f"{'one walk' if arm.protocol.per_task else over}, memory {arm.memory}"
            lines.append(f"{where} {search}; {forecast.said}")
        lines += [forecast.line for forecast in beside]
        if ended := sum(run.done is not None for run in runs):
            lines.append(f"{ended} of {len(runs)} runs have ended, {len(runs) - ended} are left")
        if any(run.pair is None and run.done is None and run.goes_on(book.done(run.name)) for run in runs):
            lines.append("a search that chooses otherwise among more trials has its pairs run again")
        if takes := forecast_line([*forecasts, *beside]):
            lines.append(takes)
        return "\n".join(lines)

    def report(self) -> str:
        """Writes the result's files from what is recorded, and starts nothing.

        A study with another request than its runs had, as with an earlier version, gets its files too. The
        page says so.

        Returns:
            The tables, and where the files are.

        Raises:
            UserError: ``parts.json`` cannot be read.
            OSError: A file cannot be written.
        """
        book = StudyBook(self.study.folder)
        try:
            check_kept(self.study, book)
            remarks = []
        except UserError as error:
            remarks = [f"Not as it was asked for: {error}"]
        text = study_table(self.study, book)
        write_text(self.study.folder / RESULT_FILE, text)
        write_study_files(self.study, book, remarks)
        return "\n".join([text, *remarks, self._files()])

    def _files(self) -> str:
        """The line that says where the result is."""
        return f"{RUNS / self.study.name}/: {PAGE_FILE}, {', '.join((RESULT_FILE, *TABLE_FILES))}"

    def run(
        self,
        last: Callable[[str], None],
        live: Callable[[str], None] | None = None,
        end: Callable[[StudyBook, int, str], None] = lambda book, status, reason: None,
    ) -> int:
        """Runs to the end. Whatever ends it, the tables of the ended runs are written.

        Args:
            last: Takes the text with which the study ends.
            live: Takes in one line how far the study is, whenever that changes; None: nobody wants it.
            end: Takes, after the last lines, the runs that have ended, the exit status, and why the study
                ended before its last run, in one line.

        Returns:
            The exit status: 0, 1 or 130.

        Raises:
            UserError: Another process works on the study, or its folder contains something else.
        """
        ray_environment(self.say)  # before the first import of Ray
        from .study_run import StudyRun

        folder, status = self.study.folder, 1
        folder.mkdir(parents=True, exist_ok=True)
        with run_lock(folder):
            write_text(folder / STUDY_FILE, self.study.request.text())
            study = StudyRun(self.study, self.say, lambda line: self._end(study, 1, line, last), live)
            try:
                status = study.run()
            finally:
                self._end(study, status, study.stopped, last)
        end(study.book, status, study.stopped)
        return status

    def _end(self, study: StudyRun, status: int, stopped: str, last: Callable[[str], None]) -> None:
        """Writes the result, and gives ``last`` the last lines."""
        text = study_table(self.study, study.book)
        files: list[str] = []
        again = f"python -m orchestrator.study --resume {self.study.name}" if status else ""
        try:
            write_text(self.study.folder / RESULT_FILE, text)
            write_study_files(self.study, study.book)
            files = [self._files()]
        except OSError as error:
            if not is_full(error) or not status:
                raise  # otherwise the last lines have the reason
        finally:
            last(last_lines([text.splitlines(), files], stopped, status == 130, again))


def _check_given(study: Study, trials: int | None, budget: Budget | None) -> None:
    """Checks that no search is to have fewer trials than it was asked for, or less to spend."""
    before = study.request.budget
    if before is None and budget is not None:
        least = max(arm.trials for arm in study.arms)
        raise UserError(
            f"{budget.option}: a search of the study was asked for {least} trials; allowed: --trials "
            f"{least}, or more, in all"
        )
    if before is not None and budget is None:
        raise UserError(
            f"--trials {trials}: a search of the study was asked for {before.text}; allowed: "
            f"{before.option}, or more, in all"
        )
    if before is not None and budget is not None:
        budget.check_grown(before, budget.option.split()[0], "a search of the study")
    if trials is not None:
        _check_trials(study, trials)


def _check_trials(study: Study, trials: int) -> None:
    """Checks that no search gets fewer trials than it was asked for."""
    least = max(arm.trials for arm in study.arms)
    if trials < least:
        raise UserError(
            f"--trials {trials}: a search of the study was asked for {least}; allowed are whole numbers from "
            f"{least}, in all"
        )


def _kept_request(name: str, option: str) -> StudyRequest:
    """Reads the request of the study in ``runs/NAME``.

    Args:
        name: The study's name.
        option: The option that named it, for errors.

    Raises:
        UserError: There is no such study, or its file cannot be read.
    """
    check_plain(name, option)
    file = RUNS / name / STUDY_FILE
    if not file.is_file():
        known = sorted(path.parent.name for path in RUNS.glob(f"*/{STUDY_FILE}"))
        raise UserError(f"{option} {name}: there is no {file}; there are {known or 'none'}")
    check_own(file.parent.resolve())
    return StudyRequest.read(file)


def _with_kept_spaces(name: str, request: StudyRequest) -> StudyRequest:
    """``request``, where the search spaces that runs kept replace files that are gone."""

    def kept(arm: Arm) -> Arm:
        if arm.space is None or user_path(arm.space, follow=False).exists():
            return arm
        searches = [run_name(name, request, arm, stream, None) for stream in request.streams or (None,)]
        copies = [file for search in searches if (file := RUNS / search / SPACE_FILE).is_file()]
        return replace(arm, space=str(copies[0])) if copies else arm

    return replace(request, methods=tuple(map(kept, request.methods)))
