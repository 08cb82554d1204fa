"""What is left of a study's reference runs will take, by what such runs took here before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..commands.time_forecast import TimeForecast
from ..schema.shown import shown_time
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from ..storage.trial_files import TESTED_FILE
from .reference import Reference
from .runs_now import RunNow


@dataclass(frozen=True)
class ReferenceForecast:
    """What is left of a reference on a stream will take.

    Attributes:
        reference: The reference.
        kept: How many of its runs have been made, by whatever study.
        pairs: How many are left.
        hours: How long they take one after another; None: it is not known, or nothing is left.
        bytes: What they leave on the disk.
        trials: None of them is a search's.
    """

    reference: Reference
    kept: int
    pairs: int
    hours: float | None = 0.0
    bytes: float = 0.0
    trials: int = 0

    @classmethod
    def of(cls, reference: Reference, runs: Sequence[RunNow]) -> ReferenceForecast:
        """What is left of ``reference``, whose runs are among ``runs``."""
        own = [run for run in runs if run.reference is reference]
        left = sum(
            run.done is None and not any(trials_of(RUNS / run.name).glob(f"*/{TESTED_FILE}")) for run in own
        )
        took = TimeForecast.of(reference.config, None, fixed=True) if left else None
        if took is None:
            return cls(reference, len(own) - left, left, None)
        return cls(reference, len(own) - left, left, took.hours(left), left * took.bytes)

    @property
    def line(self) -> str:
        """What a dry run says of it."""
        one = self.reference
        kept = f", {self.kept} of them kept in runs/" if self.kept else ""
        said = "ended" if not self.pairs else "how long is not known"
        if self.hours is not None:
            said = f"about {shown_time(3600 * self.hours)}"
        runs = f"reference, {self.kept + self.pairs} runs of {one.config.method_name}{kept}"
        return f"  {one.kind:<16} {one.config.stream_name:<20} {runs}; {said}"
