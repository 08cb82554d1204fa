"""The run of a reference with a pair of seed and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..commands.run_result import RunResult
from ..commands.train_request import TrainRequest
from ..commands.train_start import TrainStart
from ..config import RunConfig
from ..errors import UserError
from ..storage.identity import Identity
from ..storage.run_files import CONFIG_FILE, TRAIN_FILE
from ..streams.identity import stream_content
from ..streams.source import StreamSource
from .made_by import made_by
from .own_run import own_run
from .reference import Reference
from .study_book import Part
from .tested_part import tested_part


class ReferenceJob:
    """The run of a reference with a pair: an ordinary run of one seed, tested once, which every study on the
    stream shares. One that another study finished is opened, and nothing is left to do.

    Args:
        reference: The reference.
        number: The pair's number.

    Attributes:
        name: The run's name.
        arm: The method that it is derived from.
        config: The run's configuration.
        jobs: How many trials it has.
        number: The pair's number.
        asked: What is asked for.
    """

    def __init__(self, reference: Reference, number: int) -> None:
        self.name = reference.name(number)
        self.arm = reference.arm
        self.config = reference.of_pair(number)
        self.jobs = 1
        self.number = number
        self.asked = reference.asked(number)
        self._reference = reference

    @property
    def label(self) -> str:
        """What lines of progress call it."""
        return f"reference {self._reference.kind}"

    def largest_memory(self, classes: int) -> int:
        """How many samples the replay memory holds, on a stream of so many classes."""
        return self.config.replay.most(classes)

    def shown(self, source: StreamSource) -> StreamSource:
        """What it sees of a stream: all of it."""
        return source

    def start(self, source: StreamSource, say: Callable[[str], None]) -> TrainStart:
        """The run, which is about to begin or to go on.

        Args:
            source: The stream.
            say: Takes lines of progress.

        Raises:
            UserError: It cannot: its folder has something else, or was made on other data.
        """
        how: dict[str, Any] = {"concurrent": None, "storage": None, "say": say, "source": source}
        if (folder := own_run(self.name, TRAIN_FILE)) is None:
            return TrainStart.new(self.config, [self.config.run.seed], name=self.name, **how)
        again = f"python -m orchestrator.sweep rm {self.name}, by which it is made anew"
        kept, seeds = RunConfig.load_yaml(folder / CONFIG_FILE), TrainRequest.read(folder / TRAIN_FILE).seeds
        if not self._reference.same(kept, self.number) or seeds != (self.config.run.seed,):
            raise UserError(f"{folder}: has another configuration than its name says; allowed: {again}")
        there, here = Identity.of(folder).content, stream_content(source)
        if there != here:
            raise UserError(
                f"{folder}: is of another content of the stream {source.name} ({there[:12]}, not "
                f"{here[:12]}); allowed: the data that it read, or {again}"
            )
        say(f"{self.name} is kept in {folder.parent}, made by commit {made_by(folder) or 'unknown'}")
        return TrainStart.resumed(self.name, said={}, **how)

    def part(self, result: RunResult) -> Part:
        """What is kept of its result."""
        return tested_part(self.name, self.asked, result)
