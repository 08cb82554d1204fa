"""The run of a reference with a pair of seed and order."""

from __future__ import annotations

from collections.abc import Callable

from ..commands.reference_start import reference_start
from ..commands.run_result import RunResult
from ..commands.train_start import TrainStart
from ..references.seed_and_order import SeedAndOrder
from ..storage.run_files import TRAIN_FILE
from ..streams.source import StreamSource
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
        self._where = SeedAndOrder(number, number)

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
        own_run(self.name, TRAIN_FILE)
        return reference_start(self._reference.derived, self._where, source, say)

    def part(self, result: RunResult) -> Part:
        """What is kept of its result."""
        return tested_part(self.name, self.asked, result)
