"""What a replay memory is worth: the best trial at each size, and the smallest that is good enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .trial_entry import TrialEntry

MEMORY_SIZE = "replay.size"
"""The key of which a memory's size is the value."""

MARGIN = 1.0
"""Points of the objective that a smaller memory may cost, where nobody says otherwise."""


@dataclass(frozen=True)
class MemoryWorth:
    """The best trial of one memory size.

    Attributes:
        size: ``replay.size``, in samples.
        trials: How many trials of this size walked the whole stream.
        best: The best of them.
        value: Its objective.
        pareto: Whether no smaller memory has a value as good.
    """

    size: int
    trials: int
    best: TrialEntry
    value: float
    pareto: bool

    @property
    def bytes(self) -> float | None:
        """What the memory holds after the last task; None where it was not reported."""
        return self.best.reports[-1].get("replay/bytes") if self.best.reports else None


def memory_worth(
    trials: Sequence[TrialEntry], value_of: Callable[[TrialEntry], float | None], mode: Literal["max", "min"]
) -> list[MemoryWorth]:
    """Compares trials of a search over ``replay.size`` within each size.

    Args:
        trials: The trials that walked the whole stream. Those without a value or a size do not count.
        value_of: Gives a trial's objective.
        mode: Whether a higher or a lower objective is better.

    Returns:
        One entry a size, the smallest first. Of equal trials the one with the lower number is the best.
    """
    sign = 1 if mode == "max" else -1
    by_size: dict[int, list[tuple[float, TrialEntry]]] = {}
    for trial in trials:
        value = value_of(trial)
        if value is not None and MEMORY_SIZE in trial.values:
            by_size.setdefault(int(trial.values[MEMORY_SIZE]), []).append((value, trial))
    found: list[MemoryWorth] = []
    for size, scored in sorted(by_size.items()):
        value, best = min(scored, key=lambda one: (-sign * one[0], one[1].number))
        pareto = all(sign * value > sign * smaller.value for smaller in found)
        found.append(MemoryWorth(size, len(scored), best, value, pareto))
    return found


def within(found: Sequence[MemoryWorth], margin: float, mode: Literal["max", "min"]) -> list[MemoryWorth]:
    """The memories that cost at most ``margin`` of the best value, the smallest first.

    Args:
        found: As :func:`memory_worth` gives it.
        margin: In the objective's unit, at least 0.
        mode: Whether a higher or a lower objective is better.
    """
    sign = 1 if mode == "max" else -1
    most = max((sign * one.value for one in found), default=0.0)
    return [one for one in found if sign * one.value >= most - margin]
