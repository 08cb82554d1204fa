"""The budget of a search: what its trials may spend in the place of a number of trials."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ..errors import UserError
from ..report.spent_hours import spent_hours
from ..run_options import RunOptions

MOST_TRIALS = 1000
"""The most trials that a search with a budget begins, however little each takes."""

_TIME = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(m|h)", re.ASCII)
_GPU_HOURS = " GPU-hours"
_IN_AN_HOUR = {"m": 60.0, "h": 1.0}
_EXAMPLES = "30m, 2h or 1.5h"
_LONG = 7  # letters that are short to read
_LONGEST = 60  # letters of a value in an error


@dataclass(frozen=True)
class Budget:
    """What the trials of a search may spend: hours, or GPU-hours.

    The seconds of training and evaluation count that the reports of finished tasks have, summed over all
    trials. A leaderboard shows the same sum as ``search seconds``. For GPU-hours, each task's hours are
    multiplied by the GPUs that its trial held. The sum depends neither on how many trials run at once nor on
    interruptions: starting up, waiting, writing checkpoints and the part that an interruption lost do not
    count.

    Attributes:
        hours: How many hours, or GPU-hours, above 0.
        of_gpus: Whether these are GPU-hours.
    """

    hours: float
    of_gpus: bool = False

    @classmethod
    def time(cls, given: Any, where: str) -> Budget:
        """A budget in time.

        Args:
            given: ``30m``, ``2h`` or ``1.5h``.
            where: The option or key that gives it, for the error.

        Raises:
            UserError: ``given`` is no such text, or the time is 0. The message is one line.
        """
        match = _TIME.fullmatch(given) if isinstance(given, str) else None
        hours = 0.0 if match is None else float(match[1]) / _IN_AN_HOUR[match[2]]
        if not 0 < hours < math.inf:
            raise UserError(f"{where} {_short(given)}: allowed are minutes or hours above 0, as {_EXAMPLES}")
        return cls(hours)

    @classmethod
    def gpu_hours(cls, given: Any, where: str) -> Budget:
        """A budget in GPU-hours.

        Args:
            given: A number above 0.
            where: The option or key that gives it, for the error.

        Raises:
            UserError: ``given`` is no such number. The message is one line.
        """
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
            raise UserError(f"{where} {_short(given)}: allowed are numbers above 0")
        return cls(float(given), of_gpus=True)

    @classmethod
    def of(cls, text: Any, where: str) -> Budget:
        """The budget in a text that :attr:`text` wrote.

        Args:
            text: The text.
            where: The file or key that contains it, for the error.

        Raises:
            UserError: The text is no budget. The message is one line.
        """
        if not isinstance(text, str) or not text.endswith(_GPU_HOURS):
            return cls.time(text, where)
        try:
            number = float(text.removesuffix(_GPU_HOURS))
        except ValueError:
            number = math.nan
        return cls.gpu_hours(number, where)

    @property
    def text(self) -> str:
        """``2h``, ``30m``, or ``4 GPU-hours``."""
        if self.of_gpus:
            return f"{_plain(self.hours)}{_GPU_HOURS}"
        hours, minutes = f"{_plain(self.hours)}h", f"{_plain(self.hours * 60)}m"
        exact = Budget.time(minutes, "").hours == self.hours
        short = exact and len(minutes) <= _LONG
        return minutes if short and (self.hours < 1 or len(hours) > _LONG) else hours

    @property
    def doubled(self) -> Budget:
        """Twice as much."""
        return replace(self, hours=2 * self.hours)

    @property
    def said(self) -> str:
        """The budget in a form for people."""
        return f"{self.text} of training and evaluation, summed over its trials"

    def spent(self, reports: Iterable[Mapping[str, float]]) -> float:
        """The hours or GPU-hours of tasks, from their reports. A figure that a report lacks counts as 0."""
        return float(sum(spent_hours(report, of_gpus=self.of_gpus) for report in reports))

    def check_gpus(self, gpus: float) -> None:
        """Checks that a trial holds a GPU, where the budget is in GPU-hours.

        Args:
            gpus: How many GPUs a trial holds.

        Raises:
            UserError: A trial holds none, so that it would spend nothing. The message is one line.
        """
        if self.of_gpus and not gpus:
            raise UserError(f"{self.option}: a trial holds no GPU here; allowed: --time, as {_EXAMPLES}")

    def check_options(self, run: RunOptions) -> None:
        """Checks that a trial may hold a GPU, where the budget is in GPU-hours.

        Args:
            run: The run's options.

        Raises:
            UserError: The options give it none. The message is one line.
        """
        self.check_gpus(0 if run.device == "cpu" else run.gpus_held)

    def check_grown(self, before: Budget, where: str, what: str) -> None:
        """Checks that a search with the budget ``before`` may get this one: as much of the same, or more.

        Args:
            before: The budget that the search had.
            where: The option that gives this one, for the error.
            what: The run that had it, for the error, such as ``the sweep``.

        Raises:
            UserError: This one is less, or of another kind. The message is one line.
        """
        if self.of_gpus != before.of_gpus or self.hours < before.hours:
            raise UserError(
                f"{where} {self.text.removesuffix(_GPU_HOURS)}: {what} was asked for {before.text}; allowed: "
                f"{before.option}, or more, in all"
            )

    @property
    def option(self) -> str:
        """The option that gives it: ``--time 2h`` or ``--gpu-hours 4``."""
        return f"--gpu-hours {_plain(self.hours)}" if self.of_gpus else f"--time {self.text}"


def _plain(number: float) -> str:
    """The shortest text without an exponent that is read back as the same number."""
    short = f"{number:g}"
    return f"{Decimal(short if float(short) == number else repr(number)):f}"


def _short(value: Any) -> str:
    return str(value) if len(str(value)) <= _LONGEST else f"{str(value)[:_LONGEST]}..."
