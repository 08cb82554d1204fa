"""Reads a sweep from the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..report.run_cost import run_cost, search_cost
from ..tracking.names import POINTS
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun
from .task_reports import task_reports
from .tested_trial import TestedTrial

_ENDED = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class RecordedSearch:
    """A sweep that chose values.

    Attributes:
        run: Its identity.
        protocol: The name of its protocol, which says by which data it chose.
        trials: How many of its trials have ended.
        failed: How many of them failed.
        score: The objective of the trial that it chose; None where it chose none.
        spent: ``seconds`` of training and evaluation of all tasks that trials finished, and ``gpu_hours``. A
            figure that some trial did not record is missing.
        begins: The points at which it began that other sweeps chose, in words; empty: there are none.
        walked: One of its trials, which all walked the same stream with the same seed; None: it has no trial.
        budget: What its trials might spend; empty: it had a number of trials.
        points: How many points its space has; 0: no end of them, or it is not recorded.
        sweep: The sweep in the record.
        every: All of its trials.
    """

    run: str
    protocol: str
    trials: int
    failed: int
    score: float | None = None
    spent: dict[str, float] = field(default_factory=dict)
    begins: str = ""
    walked: RecordedRun | None = None
    budget: str = ""
    points: int = 0
    sweep: RecordedRun | None = None
    every: tuple[RecordedRun, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it used every point of its space. No point is proposed twice."""
        return 0 < self.points <= self.trials

    @property
    def stream(self) -> str:
        """The name of the stream that its trials walked; empty: nothing says so."""
        return "" if self.walked is None else self.walked.params.get("stream.name", "")

    def chose_by(self, trial: TestedTrial) -> bool:
        """Whether a trial has the stream, the seed and the order with which the values were chosen."""
        there, own = self.walked, trial.recorded
        if there is None or own is None or _drew(there) != _drew(own):
            return False
        arranged = there.tags.get("data.identity", "")  # two keys may stand for one order
        one_order = there.params.get("stream.order") == own.params.get("stream.order")
        return one_order or (bool(arranged) and arranged == own.tags.get("data.identity"))

    @classmethod
    def read(cls, reader: RecordReader, run: str) -> RecordedSearch | None:
        """Reads a sweep; None where the record does not have it.

        Args:
            reader: The record.
            run: The sweep's identity.

        Raises:
            UserError: The record cannot be read. The message is one line.
        """
        found = reader.of(run)
        sweep = next((one for one in found if not one.trial), None)
        if sweep is None:
            return None
        trials = [one for one in found if one.trial]
        ended = [trial.tags.get("status") for trial in trials if trial.tags.get("status") in _ENDED]
        chosen = next((trial for trial in trials if trial.trial == sweep.tags.get("best")), None)
        # A trial that did not finish its first task reported nothing.
        costs = [run_cost(reports) for trial in trials if (reports := task_reports(reader, trial))]
        return cls(
            run,
            sweep.tags.get("protocol", "end-of-stream"),  # the only one before it was recorded
            len(ended),
            ended.count("failed"),
            chosen.metrics.get("score") if chosen else None,
            search_cost(costs),
            sweep.tags.get("begins", ""),
            trials[0] if trials else None,
            sweep.tags.get("budget", ""),
            _points(sweep, trials),
            sweep,
            tuple(sorted(trials, key=lambda trial: (len(trial.trial), trial.trial))),
        )


def _points(sweep: RecordedRun, trials: Sequence[RecordedRun]) -> int:
    """How many points a sweep's space has. Earlier versions did not record it; of theirs it is known where
    nothing is searched: the one trial has no key that the sweep lacks. A tested sweep has all keys.
    """
    if (text := sweep.tags.get(POINTS, "")).isdecimal():
        return int(text)
    tested = any(name.startswith("test/") for name in sweep.metrics)
    fixed = len(trials) == 1 and not tested and trials[0].params.keys() <= sweep.params.keys()
    return 1 if fixed else 0


def _drew(run: RecordedRun) -> dict[str, str]:
    """The seed and the stream's settings, without its order and the folder of its data."""
    unsaid = ("stream.order", "stream.data")
    return {
        key: value
        for key, value in run.params.items()
        if key == "run.seed" or (key.startswith("stream.") and key not in unsaid)
    }
