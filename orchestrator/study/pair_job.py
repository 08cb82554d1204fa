"""The run of a study's method with a pair of seed and order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..commands.chosen_by import chosen_by
from ..commands.run_result import RunResult
from ..commands.train_request import TrainRequest
from ..commands.train_start import TrainStart
from ..config import RunConfig
from ..errors import UserError
from ..storage.run_files import CONFIG_FILE, TRAIN_FILE, trials_of
from ..storage.run_folder import RUNS
from ..streams.source import StreamSource
from .config_digest import config_digest
from .own_run import OWN_RUN, own_run
from .pair import Pair
from .run_request import RunRequest
from .study_arm import StudyArm
from .study_book import Part
from .tested_part import tested_part


class PairJob:
    """The run of a search's choice with a pair: an ordinary run of one seed, tested once. The run of one of
    several candidates is tested only if that one is chosen.

    Args:
        name: The run's name.
        arm: The method on the stream.
        number: The pair's number, or one of :data:`~orchestrator.storage.extreme_name.EXTREMES`.
        chosen: The search.
        test: Whether the run is tested.
        values: Seed and order; None: those of the pair with this number.

    Attributes:
        config: The run's configuration.
        jobs: How many trials it has.
        number: As given.
        asked: The request.

    Raises:
        UserError: The chosen trial's configuration cannot be read, or is not the one that was chosen.
    """

    def __init__(
        self,
        name: str,
        arm: StudyArm,
        number: int | str,
        chosen: Part,
        *,
        test: bool = True,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        file = trials_of(RUNS / chosen.name) / chosen.trial / CONFIG_FILE
        if config_digest(file) != chosen.config:
            raise UserError(f"{file}: was changed since it was chosen; allowed: what the search wrote there")
        self.name = name
        self.arm = arm
        own = values or Pair(int(number)).values
        self.config = arm.on_its_stream(RunConfig.load_yaml(file)).with_values(own)
        self.jobs = 1
        self._file = file
        self._test = test
        self.number = number
        self.asked = self.asked_of(number, chosen, values)

    @staticmethod
    def asked_of(number: int | str, chosen: Part, values: Mapping[str, Any] | None = None) -> RunRequest:
        """What is asked for, of the pair ``number`` or of other ``values``, and the search ``chosen``."""
        values = values or Pair(int(number)).values
        return RunRequest.pair(chosen.name, chosen.trial, chosen.config, values)

    @property
    def label(self) -> str:
        """What lines of progress call it."""
        return self.arm.method.label

    def largest_memory(self, classes: int) -> int:
        """How many samples the replay memory holds, on a stream with this number of classes."""
        return self.config.replay.most(classes)

    def shown(self, source: StreamSource) -> StreamSource:
        """The part of a stream that it sees: all of it."""
        return source

    def begun(self) -> bool:
        """Whether an earlier command began it.

        Raises:
            UserError: The folder contains something else. The message is one line.
        """
        if (folder := own_run(self.name, TRAIN_FILE)) is None:
            return False
        seeds = TrainRequest.read(folder / TRAIN_FILE).seeds
        kept = RunRequest({**RunConfig.load_yaml(folder / CONFIG_FILE).flat(), "seeds": list(seeds)})
        mine = RunRequest({**self.config.flat(), "seeds": [self.config.run.seed]})
        mine.check(kept, str(folder), OWN_RUN)
        return True

    def start(self, source: StreamSource, say: Callable[[str], None]) -> TrainStart:
        """The run, which is about to begin or to be resumed.

        Args:
            source: The stream.
            say: Takes lines of progress.

        Raises:
            UserError: The run cannot begin. The message is one line.
        """
        how: dict[str, Any] = {"concurrent": None, "storage": None, "say": say, "source": source}
        how |= {"test": self._test}
        if self.begun():
            return TrainStart.resumed(self.name, said={}, **how)
        how |= {"name": self.name, "chosen": chosen_by(self._file, self.config)}
        return TrainStart.new(self.config, [self.config.run.seed], **how)

    def part(self, result: RunResult) -> Part:
        """The part of its result that the study keeps."""
        part = tested_part(self.name, self.asked, result)
        walked = len(result.trials[0].reports) == len(result.tasks) if result.trials else False
        return self._validated(part, result) if self.arm.best > 1 and walked else part

    def _validated(self, part: Part, result: RunResult) -> Part:
        """The part with the search's objective, after the last task that the search's protocol has. It has
        it also where the look at test data failed.
        """
        objective = self.arm.searched.space.objective
        value = objective.value(result.trials[0].reports[: self.arm.protocol.tasks])
        if value is None:
            return replace(part, reason=f"has no {objective.metric}, by which one of the best is chosen")
        return replace(part, validation=value)
