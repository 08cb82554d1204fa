"""Runs a study from its first to its last run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..commands.lent_session import LentSession
from ..config import RunConfig
from ..errors import UserError
from ..execution.ray_watch import RayLost
from ..execution.session_request import SessionRequest
from ..execution.stopped_by import stopped_by
from ..record.made_by import made_by
from ..storage.full_disk import full_disk, is_full
from ..storage.identity import Identity
from ..storage.run_files import TOKENIZER_FOLDER
from ..streams import registry as streams
from ..streams.identity import stream_content, stream_identity
from ..streams.source import StreamSource
from ..streams.text.fit_tokenizer import fit_tokenizer
from .find_orders import find_orders
from .found_orders import OrderStore
from .pair_job import PairJob
from .reference_job import ReferenceJob
from .run_request import RunRequest
from .runs_now import runs_now
from .search_job import SearchJob
from .study import Study
from .study_arm import StudyArm
from .study_book import Part, StudyBook
from .study_progress import StudyProgress
from .study_tags import study_tags

_Job = SearchJob | PairJob | ReferenceJob

_INTERRUPTED = 130  # the exit status after Ctrl-C


class StudyRun:
    """The runs of a study, in order: on each stream the search of each method, then for each pair of seed and
    order the chosen values of each method, and the references beside them.

    A search looks at no test data. Each run is an ordinary one, in a folder of its own, which can be shown,
    compared and resumed. Methods that share an encoder share a session: Ray, the published stream, and the
    warm lanes.

    A run that cannot begin, or that fails, is a failed part of the study, and the others go on. An error that
    another run would meet too, such as a full disk or a lost Ray, ends the study.

    Args:
        study: The study.
        say: Takes a line of progress.
        last_words: Takes the reason why the process is about to end, where it can say nothing else.
        live: Takes in one line how far the study is, whenever that changes; None: nobody wants it.

    Attributes:
        book: The runs that have ended.
        stopped: Why the study ended before its last run, in one line; empty where it did not, or where it was
            interrupted.
    """

    def __init__(
        self,
        study: Study,
        say: Callable[[str], None],
        last_words: Callable[[str], None] = lambda line: None,
        live: Callable[[str], None] | None = None,
    ) -> None:
        self._live = live
        self._progress = StudyProgress(study)
        self.book = StudyBook(study.folder)
        self.stopped = ""
        self._study = study
        self._say = say
        self._last_words = last_words
        self._source: tuple[str, StreamSource] | None = None
        self._shown = "", ""  # the content and the order that the runs under way see

    def run(self) -> int:
        """Runs what is left.

        Returns:
            The exit status: 0 where all runs finished, 1 where one failed or something ended the study, 130
            where it was interrupted.

        Raises:
            Exception: An unforeseen error. :attr:`stopped` has it too.
        """
        references, numbers = self._study.references, self._study.numbers
        try:
            self.book.ask([one.name(number) for one in references for number in numbers])
            for group in self._study.sharing():
                if status := self._group(group):
                    return status
        except KeyboardInterrupt:
            return _INTERRUPTED
        except (Exception, RayLost) as error:
            self.stopped, foreseen = stopped_by(error)
            if is_full(error):
                self.stopped, foreseen = full_disk(self._study.folder), True
            if not foreseen:
                raise
            return 1
        return 0 if all(run.done for run in runs_now(self._study, self.book)) else 1

    def _jobs(self, arms: Sequence[StudyArm], number: int | str | None, walked: bool) -> list[_Job]:
        """The searches, or the runs with a pair, that are left. A method whose search chose nothing has no
        runs with a pair. With ``walked`` they are those of which only the look at test data is left, else
        the others.
        """
        found: list[_Job] = []
        for run in runs_now(self._study, self.book):
            if run.arm not in arms or run.pair != number or run.done is not None or run.walked != walked:
                continue
            if number is None:
                found.append(SearchJob(run.name, run.arm))
            elif run.reference is not None and isinstance(number, int):
                found.append(ReferenceJob(run.reference, number))
            elif run.chosen is not None and run.asked is not None:
                try:
                    one_of_few = run.arm.best > 1 and isinstance(number, int)
                    found.append(run.job(test=run.tested and (walked or not one_of_few)))
                except UserError as error:
                    self._failed(run.name, run.asked, error)
        return found

    def _group(self, arms: Sequence[StudyArm]) -> int:
        """Runs what is left of methods that share a session; returns the study's status where it ends here,
        else 0.
        """
        with LentSession(self._say, self._last_words) as session:
            for number in (None, *self._study.numbers):
                jobs = self._jobs(arms, number, walked=False)
                if jobs and (status := self._together(jobs, session)):
                    return status
            for number in self._study.numbers:
                jobs = self._jobs(arms, number, walked=True)
                if jobs and (status := self._together(jobs, session)):
                    return status
            self._find_orders(arms[0])
            for which in self._study.beyond:
                jobs = self._jobs(arms, which, walked=False)
                if jobs and (status := self._together(jobs, session)):
                    return status
        return 0

    def _find_orders(self, arm: StudyArm) -> None:
        """Finds the extreme orders of a stream, where the study asks for them and has none of it yet."""
        orders = OrderStore(self._study.folder)
        if not self._study.beyond or arm.title in orders.found:
            return
        first = next(one for one in self._study.arms if one.title == arm.title)
        config = first.space.start_config.with_values({"stream.order": "natural"})
        self._say(f"looking for extreme orders of {arm.title}")
        try:
            found = find_orders(config, self._read(config))
        except UserError as error:  # nothing is kept, so that --resume looks again
            self._say(f"no extreme orders of {arm.title}: {error}")
            return
        orders.add(arm.title, found)
        said = ", ".join(f"{name} {value:.3f}" for name, value in found.similarity.items())
        self._say(found.reason or f"tasks that follow each other are alike by {said} ({found.by})")

    def _together(self, jobs: Sequence[_Job], session: LentSession) -> int:
        """Runs the searches, or the runs with a pair, of methods that share a session; returns as
        :meth:`_group` does.
        """
        try:
            source = self._read(jobs[0].config)
            shown = jobs[0].shown(source)
            self._check_content(jobs, shown)
            self._shown = stream_content(shown), stream_identity(shown)
            session.ask(self._session(jobs, shown))
        except UserError as error:
            if session.broken:
                raise
            for job in jobs:
                self._failed(job.name, job.asked, error)
            return 0
        ended: list[int] = []
        session.together(partial(self._note, ended, job, source, session) for job in jobs)
        return next(filter(None, ended), _INTERRUPTED if session.interrupted else 0)

    def _note(self, ended: list[int], job: _Job, source: StreamSource, session: LentSession) -> None:
        if not any(ended):
            ended.append(self._one(job, source, session))
            if ended[-1] == _INTERRUPTED:  # perhaps when it had no job left, so that no other run heard of it
                session.cut_short(KeyboardInterrupt())

    def _one(self, job: _Job, source: StreamSource, session: LentSession) -> int:
        """Runs ``job``; returns as :meth:`_group` does."""

        def say(line: str) -> None:
            self._say(f"{job.label}: {line}")

        def live(text: str) -> None:
            if self._live is not None:
                self._live(self._progress.text(job.label, text))

        self._progress.hear(runs_now(self._study, self.book))
        try:
            how: dict[str, Any] = {"live": live, "tags": study_tags(self._study, job)}
            result = job.start(source, say).run(lambda text: None, session.lend, **how)
            if result.status == "interrupted":
                left = sum(trial.status == "interrupted" for trial in result.trials)
                say(f"interrupted: {len(result.trials) - left} trial(s) ended, {left} unfinished")
                return _INTERRUPTED
            part = job.part(result)
        except UserError as error:
            self.stopped = self.stopped or (str(error) if session.broken else "")
            self._failed(job.name, job.asked, error)
            return 1 if session.broken else 0
        except Exception as error:
            say(stopped_by(error)[0])  # now: a search around this one goes on, and may meet an error too
            raise
        # Another run, which began inside this one, may have ended the study.
        self.stopped = self.stopped or (part.reason if result.fatal else "")
        part = replace(part, content=self._shown[0], stream=self._shown[1], commit=made_by(result.folder))
        self._take(part, _found(part, result.objective.metric))
        self._progress.hear(runs_now(self._study, self.book))
        return 1 if result.fatal else 0

    def _failed(self, name: str, asked: RunRequest, error: UserError) -> None:
        before = self.book.parts.get(name, Part(name, asked))  # whose trials stay
        self._take(replace(before, asked=asked, reason=str(error)), "")

    def _take(self, part: Part, found: str) -> None:
        self._say(f"{part.name}: {part.reason or found}")  # first: a disk may be full
        self.book.add(part)

    def _read(self, config: RunConfig) -> StreamSource:
        """The stream of a configuration, which is read once for runs that follow each other."""
        key = repr((config.stream_name, config.stream, config.run.skip_bad))
        if self._source is None or self._source[0] != key:
            self._say(f"reading the stream {config.stream_name}")
            self._source = key, streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
        return self._source[1]

    def _check_content(self, jobs: Sequence[_Job], source: StreamSource) -> None:
        """Checks that all runs that have ended on the stream saw the same content, since methods are compared
        on it and averaged over the pairs.

        Raises:
            UserError: The stream's data has changed.
        """
        here, job = stream_content(source), jobs[0]
        # In VQACL's novel composition the first task of an order decides the content.
        by_order = source.tables is not None and source.tables.held_out is not None
        for run in runs_now(self._study, self.book):
            if by_order:
                alike = run.pair == job.number
            elif job.arm.searches_apart:
                alike = (run.pair is None) == (job.number is None)
            else:
                alike = True
            part = self.book.done(run.name) if alike and run.arm.stream == job.arm.stream else None
            if part is not None and part.content != here:
                raise UserError(
                    f"the stream {source.name} is of another content than that of {run.name} ({here[:12]}, "
                    f"not {part.content[:12]}); allowed: the data that it read"
                )

    def _session(self, jobs: Sequence[_Job], source: StreamSource) -> SessionRequest:
        classes, folder = len(source.categories), self._study.folder
        # The runs with a pair follow in this session, unless the searches are shown another stream than they.
        apart = isinstance(jobs[0], SearchJob) and jobs[0].arm.searches_apart
        beside = sum(one.arm.shares() == jobs[0].arm.shares() for one in self._study.references)
        each = len(jobs) * (jobs[0].arm.best if isinstance(jobs[0], SearchJob) else 1)
        more = 0 if apart else (each + beside) * len(self._study.numbers)
        # The lanes take it from there. The session before may have had another one.
        shutil.rmtree(folder / TOKENIZER_FOLDER, ignore_errors=True)
        return SessionRequest(
            folder,
            Identity.new(self._study.name, stream_identity(source), stream_content(source)),
            jobs[0].config,
            source,
            fit_tokenizer(source, jobs[0].config.stream, folder / TOKENIZER_FOLDER),
            jobs=sum(job.jobs for job in jobs) + more,
            seeds=[job.config.run.seed for job in jobs],
            largest_memory=max(job.largest_memory(classes) for job in jobs),
            follow_ups=more,
        )


def _found(part: Part, metric: str) -> str:
    name = metric.partition("/")[2]
    if name in part.test:
        return f"test/{name} {part.test[name]:.2f}"
    if part.validation is not None:
        return f"{part.validation:.2f} on validation data"
    return f"{part.trial} is best, {metric} {part.score:.2f}" if part.score is not None else "ended"
