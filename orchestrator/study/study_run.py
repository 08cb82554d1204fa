"""One study from its first to its last run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from ..commands.named_space import named_space
from ..commands.run_result import RunResult
from ..commands.sweep_request import SweepRequest
from ..commands.sweep_start import SweepStart
from ..commands.train_start import TrainStart
from ..config import RunConfig
from ..errors import UserError
from ..execution.session_request import SessionRequest
from ..record.memory_worth import MARGIN
from ..storage.identity import Identity
from ..storage.run_files import CONFIG_FILE, TOKENIZER_FOLDER, trials_of
from ..storage.run_folder import RUNS
from ..streams import registry as streams
from ..streams.identity import stream_content, stream_identity
from ..streams.source import StreamSource
from ..streams.text.fit_tokenizer import fit_tokenizer
from .lent_session import LentSession
from .pair import Pair
from .study_arm import StudyArm, shared_of
from .study_book import Part, StudyBook
from .study_request import StudyRequest


class StudyRun:
    """The runs of a study, in order: on each stream the search of each method, then for each pair of seed and
    order the chosen values of each method.

    A search looks at no test data. Each run is an ordinary one, in a folder of its own, which can be shown,
    compared and gone on with. Methods that share an encoder share a session: Ray, the published stream, and
    the warm lanes.

    Args:
        name: The study's name.
        folder: The study's folder.
        request: What is asked.
        arms: Its methods on its streams, stream by stream.
        say: Takes a line of progress.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        request: StudyRequest,
        arms: Sequence[StudyArm],
        say: Callable[[str], None],
    ) -> None:
        self.book = StudyBook(folder)
        self._name = name
        self._folder = folder
        self._request = request
        self._arms = arms
        self._say = say
        self._source: tuple[str, StreamSource] | None = None

    def run(self) -> int:
        """Runs what is left.

        Returns:
            The exit status: 0 where all runs finished, 1 where one failed, 130 where the study was
            interrupted.

        Raises:
            UserError: A run cannot begin.
        """
        for _, on_stream in groupby(self._arms, key=lambda arm: arm.stream):
            arms = list(on_stream)
            for number in (None, *self._numbers()):
                if not self._all(self._searches(arms) if number is None else self._pair(arms, number)):
                    return 130
        names = [name for arm in self._arms for name in self.names(arm)]
        return 0 if all(self.book.done(name) for name in names) else 1

    def name_of(self, arm: StudyArm, pair: int | None = None) -> str:
        """The name of the run of a method's search, or of its run with a pair."""
        stream = arm.stream or arm.method
        return self._request.run_name(self._name, arm.method, stream, pair)

    def names(self, arm: StudyArm) -> list[str]:
        """The names of a method's runs."""
        return [self.name_of(arm), *(self.name_of(arm, n) for n in self._numbers())]

    def _numbers(self) -> range:
        return range(1, self._request.pairs + 1)

    def _searches(self, arms: Sequence[StudyArm]) -> list[_Job]:
        return [_Job(self.name_of(arm), arm, arm.space.config) for arm in arms]

    def _pair(self, arms: Sequence[StudyArm], number: int) -> list[_Job]:
        """The runs with one pair, of the methods whose search chose something."""
        found = []
        for arm in arms:
            if (chosen := self.book.done(self.name_of(arm))) is not None and chosen.trial:
                file = trials_of(RUNS / chosen.name) / chosen.trial / CONFIG_FILE
                config = RunConfig.load_yaml(file).with_values(Pair(number).values)
                found.append(_Job(self.name_of(arm, number), arm, config, number))
        return found

    def _all(self, jobs: Iterable[_Job]) -> bool:
        """Runs those of ``jobs`` that are left, session by session; returns whether nobody interrupted."""
        left = [job for job in jobs if self.book.done(job.name) is None]
        left.sort(key=lambda job: shared_of(job.config))  # stable: within a session the order stays
        for _, shared in groupby(left, key=lambda job: shared_of(job.config)):
            group = list(shared)
            source = self._read(group[0].config)
            with LentSession(self._session(group, source), self._say) as session:
                for job in group:
                    result = self._one(job, source, session)
                    if result.status == "interrupted":
                        return False
                    self._take(job, result)
        return True

    def _take(self, job: _Job, result: RunResult) -> None:
        part = Part.of(result)
        if job.pair is not None and not part.reason:
            part = replace(part, trial=result.trials[0].id)
        self.book.add(part)
        self._say(f"{job.name}: {part.reason or _found(part, result)}")

    def _one(self, job: _Job, source: StreamSource, session: LentSession) -> RunResult:
        def say(line: str) -> None:
            self._say(f"{job.arm.method.label}: {line}")

        start = self._search(job, source, say) if job.pair is None else self._train(job, source, say)
        return start.run(lambda text: None, session.lend)

    def _search(self, job: _Job, source: StreamSource, say: Callable[[str], None]) -> SweepStart:
        how: dict[str, Any] = {"say": say, "test": False, "source": source}
        if (RUNS / job.name).exists():
            return SweepStart.resumed(job.name, trials=None, concurrent=None, storage=None, said={}, **how)
        arm, where = job.arm, job.arm.stream
        request = SweepRequest(
            arm.method.name,
            None if where is None else where.name,
            None if where is None else where.data,
            dict(arm.values),
            self._request.trials,
            None,
            None,
            MARGIN,
        )
        return SweepStart.new(request, named_space(arm.method.name, arm.method.space), job.name, **how)

    def _train(self, job: _Job, source: StreamSource, say: Callable[[str], None]) -> TrainStart:
        how: dict[str, Any] = {"concurrent": None, "storage": None, "say": say, "source": source}
        if (RUNS / job.name).exists():
            start = TrainStart.resumed(job.name, said={}, **how)
            if start.config.flat() != job.config.flat():
                raise UserError(
                    f"{RUNS / job.name}: has other values than the study chose; allowed: its own run, or none"
                )
            return start
        return TrainStart.new(job.config, [job.config.run.seed], name=job.name, **how)

    def _read(self, config: RunConfig) -> StreamSource:
        """The stream of a configuration, which is read once for runs that follow each other."""
        key = repr((config.stream_name, config.stream, config.run.skip_bad))
        if self._source is None or self._source[0] != key:
            self._say(f"reading the stream {config.stream_name}")
            self._source = key, streams.get(config.stream_name).load(config.stream, config.run.skip_bad)
        return self._source[1]

    def _session(self, jobs: Sequence[_Job], source: StreamSource) -> SessionRequest:
        classes = len(source.categories)
        trials = sum(self._request.trials or job.arm.trials for job in jobs)
        return SessionRequest(
            self._folder,
            Identity.new(self._name, stream_identity(source), stream_content(source)),
            jobs[0].config,
            source,
            fit_tokenizer(source, jobs[0].config.stream, self._folder / TOKENIZER_FOLDER),
            jobs=trials if jobs[0].pair is None else len(jobs),
            seeds=[job.config.run.seed for job in jobs],
            largest_memory=max(job.largest_memory(classes) for job in jobs),
            follow_ups=len(jobs),
        )


class _Job:
    """A run that is to be: the search of a method, or its run with a pair."""

    def __init__(self, name: str, arm: StudyArm, config: RunConfig, pair: int | None = None) -> None:
        self.name = name
        self.arm = arm
        self.config = config
        self.pair = pair

    def largest_memory(self, classes: int) -> int:
        if self.pair is None:
            return self.arm.space.largest_memory(classes)
        return self.config.replay.most(classes)


def _found(part: Part, result: RunResult) -> str:
    metric = result.objective.metric
    if part.test:
        name = metric.partition("/")[2]
        return f"test/{name} {part.test[name]:.2f}"
    return f"{part.trial} is best, {metric} {part.score:.2f}"
