"""How many of a search's trials run at once, and how many TPE proposes."""

from __future__ import annotations

from dataclasses import dataclass

_PART = 4  # a quarter of the trials
_LEAST, _MOST = 2, 10  # trials at random; TPE tells better from worse among two or more, and Optuna takes 10


@dataclass(frozen=True)
class SearchPlan:
    """How many of a search's trials run at once, and how many are drawn at random before TPE proposes.

    TPE proposes a trial from those that have ended. The more trials run at once, the fewer have ended when
    one is proposed. Where all run at once, all are drawn at random. By default at most a quarter of the
    trials run at once, however large the machine is, and TPE begins once a quarter has ended.

    Attributes:
        trials: How many trials the search has.
        concurrent: How many run at once, as it was asked for; None: at most a quarter.
        sizes: How many sizes of the replay memory the trials have in turn. TPE proposes of each for itself.
    """

    trials: int
    concurrent: int | None = None
    sizes: int = 1

    @property
    def lanes(self) -> int:
        """The largest number of trials that run at once."""
        return min(self.trials, self.concurrent or max(1, self.trials // _PART))

    @property
    def random(self) -> int:
        """How many trials have to end before TPE proposes the next ones."""
        return self.sizes * self.random_of_size

    @property
    def random_of_size(self) -> int:
        """How many trials of one memory size have to end before TPE proposes one of it."""
        return min(_MOST, max(_LEAST, self.trials // _PART // self.sizes))

    @property
    def by_tpe(self) -> int:
        """How many trials TPE proposes where :attr:`lanes` run at once and none fails."""
        return max(0, self.trials - self.random - (self.lanes - 1))

    @property
    def at_once(self) -> str:
        """:attr:`lanes` in a form for people."""
        if self.trials == 1:
            return "one trial"
        if self.concurrent is not None:
            return f"{self.concurrent} {'trial' if self.concurrent == 1 else 'trials'} at once"
        trials = "trial" if self.lanes == 1 else "trials"
        return f"at most {self.lanes} {trials} at once (a quarter; --concurrent N for more)"

    @property
    def proposals(self) -> str:
        """Who proposes the trials, in a form for people."""
        if self.trials == 1:
            return "the one trial is where the search space begins"
        if not self.by_tpe:
            return "all but the start are drawn at random"
        apart = ", of each memory size for itself" if self.sizes > 1 else ""
        return f"TPE proposes the last {self.by_tpe}{apart}, once {self.random} have ended"
