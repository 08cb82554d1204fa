"""How far a sweep goes: how many trials it has, or what they may spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..record.manifest import asked_for, budget_of
from ..search.budget import MOST_TRIALS, Budget
from ..search.space import Space
from ..storage.run_files import SWEEP_FILE
from .sweep_request import SweepRequest


@dataclass(frozen=True)
class SweepExtent:
    """How far a sweep goes.

    Attributes:
        trials: How many trials the sweep is to have. With a budget that is still open: how many at most. The
            space has at least as many points.
        budget: What its trials may spend; None: it has a number of trials.
        open: Whether the number of trials to which the budget comes is not known yet.
    """

    trials: int
    budget: Budget | None = None
    open: bool = False

    @property
    def said(self) -> str:
        """The extent for people: ``16 trials``, ``2h of ...``, or ``2h of ..., which came to 12 trials,``."""
        trials = f"{self.trials} trial{'s' * (self.trials > 1)}"
        if self.budget is None:
            return trials
        return self.budget.said if self.open else f"{self.budget.said}, which came to {trials},"

    @classmethod
    def of(
        cls,
        request: SweepRequest,
        space: Space,
        folder: Path | None,
        trials: int | None,
        budget: Budget | None,
        say: Callable[[str], None],
    ) -> SweepExtent:
        """How far a sweep goes that begins or is resumed.

        Args:
            request: The request with which it was started.
            space: The search space.
            folder: Its folder; None: it is new.
            trials: How many trials it is to have in all, where that is given now; None: as before.
            budget: What they may spend in all, where that is given now; None: as before.
            say: Takes lines of progress.

        Raises:
            UserError: The sweep is given less than before, or another kind. The message is one line.
        """
        first = None if request.budget is None else Budget.of(request.budget, f"{SWEEP_FILE}: budget")
        if first is None:
            return cls(_trials(request, space, folder, trials, budget, say))
        if trials is not None:
            raise UserError(
                f"--trials {trials}: the sweep was asked for {first.text}; allowed: {first.option}, or more, "
                "in all"
            )
        before, count = first, 0
        if folder is not None:
            given, count = budget_of(folder), asked_for(folder)
            before = Budget.of(given, str(folder)) if given else first
        if budget is not None:
            budget.check_grown(before, budget.option.split()[0], "the sweep")
        now = budget or before
        if count and now == before:
            return cls(count, now)
        return cls(space.points(MOST_TRIALS), now, open=True)


def _trials(
    request: SweepRequest,
    space: Space,
    folder: Path | None,
    trials: int | None,
    budget: Budget | None,
    say: Callable[[str], None],
) -> int:
    """How many trials a sweep without a budget is to have: as many as were asked for last, and no more than
    the space has points.
    """
    before = 0
    if folder is not None:
        before = asked_for(folder) or request.trials or space.trials
        if budget is not None:
            raise UserError(
                f"{budget.option}: the sweep was asked for {before} trials; allowed: --trials {before}, or "
                "more, in all"
            )
        if trials is not None and trials < before:
            raise UserError(
                f"--trials {trials}: the sweep was asked for {before}; allowed are whole numbers from "
                f"{before}, in all"
            )
    asked = trials or before or request.trials or space.trials
    points = space.points(asked)
    if points < asked:
        what = "one point" if points == 1 else f"{points} points"
        say(f"the search space has {what}: {points} of the {asked} trials that were asked for")
    return points
