"""Plans how many of a search's trials run at once, and how many TPE proposes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .budget import MOST_TRIALS
from .size_turns import SizeTurns

_PART = 4  # a quarter of the trials
LEAST = 2
"""How many trials have to end before TPE proposes one. It tells better from worse among two or more."""

_MOST = 10  # trials at random, as Optuna takes
_LEARNED = {"tpe": "TPE", "gp": "a Gaussian process", "nsga2": "NSGA-II"}
_PROPOSES = {
    "random": "are drawn at random",
    "qmc": "are of a low-discrepancy sequence",
    "grid": "are points of the grid, in an order that the seed draws",
}


@dataclass(frozen=True)
class SearchPlan:
    """The plan of a search: how many trials run at once, and which are drawn at random while TPE proposes the
    others.

    The first two trials are drawn at random, and then every fourth one, ten in all. The way in which a trial
    is drawn does not depend on the number of trials, so that a search that grows has the proposals of one
    that was as long from the beginning.

    TPE proposes a trial from those that have ended. The more trials run at once, the fewer have ended when
    one is proposed. Where all run at once, all are drawn at random. By default at most a quarter of the
    trials run at once, however large the machine is.

    Attributes:
        trials: How many trials the search has.
        concurrent: How many are asked to run at once; None: at most a quarter.
        sizes: How many sizes of the replay memory take turns. TPE proposes for each size by itself.
        sampler: The name of a :class:`~orchestrator.search.sampler_choice.SamplerChoice`. A Gaussian process
            and NSGA-II propose where TPE would. A sampler that learns nothing from other trials proposes all,
            and as many run at once as fit.
        begins: For each point with which the search begins, the number of its replay memory's size, from 0.
        given: Whether the search has a budget, so that its number of trials is not known. ``trials`` is then
            the search space's number, a quarter of which runs at once.
    """

    trials: int
    concurrent: int | None = None
    sizes: int = 1
    sampler: str = "tpe"
    begins: tuple[int, ...] = (0,)
    given: bool = False

    @cached_property
    def turns(self) -> SizeTurns:
        """The size of each trial's replay memory."""
        return SizeTurns(self.sizes, self.begins)

    @property
    def lanes(self) -> int:
        """The largest number of trials that run at once."""
        usual = max(1, self.trials // _PART) if self.sampler in _LEARNED else self.trials
        most = MOST_TRIALS if self.given else self.trials
        return min(most, self.concurrent or usual)

    def at_random(self, number: int) -> bool:
        """Whether a trial is drawn at random. Among the trials of its memory size these are the first two,
        and from the seventh on every fourth one, until there are ten.

        Args:
            number: The trial's number, from 0.
        """
        index = self.turns.index(number)
        return index < LEAST or (index % _PART == LEAST and LEAST < index <= LEAST + _PART * (_MOST - LEAST))

    @property
    def learned(self) -> int:
        """How many trials TPE, or a Gaussian process, proposes where :attr:`lanes` run at once and none
        fails.
        """
        least, starts = self.lanes - 1 + LEAST * self.sizes, len(self.begins)
        return sum(
            number >= max(least, starts) and not self.at_random(number) for number in range(self.trials)
        )

    @property
    def at_once(self) -> str:
        """:attr:`lanes` in a form for people."""
        if self.trials == 1 and not self.given:
            return "one trial"
        if self.concurrent is not None:
            return f"{self.concurrent} {'trial' if self.concurrent == 1 else 'trials'} at once"
        if self.sampler not in _LEARNED:
            return "as many trials at once as fit"
        trials = "trial" if self.lanes == 1 else "trials"
        quarter = f"a quarter of the search space's {self.trials}" if self.given else "a quarter"
        return f"at most {self.lanes} {trials} at once ({quarter}; --concurrent N for more)"

    @property
    def proposals(self) -> str:
        """Describes for people who proposes the trials."""
        if self.given:
            return self._proposals_of_a_budget
        if self.trials == 1:
            return "the one trial is where the search space begins"
        starts = min(len(self.begins), self.trials)
        if starts == self.trials:
            return "the trials are where it begins"
        others = _all_but(starts)
        if self.sampler not in _LEARNED:
            return f"{others} {_PROPOSES[self.sampler]}"
        if not self.learned:
            return f"{others} {_PROPOSES['random']}"
        apart = ", of each memory size for itself" if self.sizes > 1 else ""
        who = f"{_LEARNED[self.sampler]} proposes {self.learned} of {self.trials} trials{apart}"
        first = "" if starts < 2 else f"the first {starts} are where it begins; "
        return f"{who}; {first}the others are drawn at random"

    @property
    def _proposals_of_a_budget(self) -> str:
        starts = len(self.begins)
        if self.sampler not in _LEARNED:
            return f"{_all_but(starts)} {_PROPOSES[self.sampler]}"
        first = "" if starts < 2 else f"the first {starts} are where it begins; "
        drawn = f"the first {LEAST} and then every fourth, {_MOST} in all"
        drawn += " of each memory size" if self.sizes > 1 else ""
        who = _LEARNED[self.sampler]
        return f"{who} proposes trials; {first}{drawn}, are drawn at random"


def _all_but(starts: int) -> str:
    return "all but the start" if starts < 2 else f"all but the {starts} starts"
