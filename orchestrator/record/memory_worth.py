"""Measures what a replay memory is worth: the best trial at each size, and the smallest size that is good
enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .trial_entry import TrialEntry

MEMORY_SIZE = "replay.size"
"""The key of a memory's size."""

_BUDGET = "replay.budget"

MARGIN = 1.0
"""Points of the objective that a smaller memory may cost by default."""


@dataclass(frozen=True)
class MemoryWorth:
    """The best trial of one memory.

    Attributes:
        size: ``replay.size``, in samples.
        budget: ``replay.budget``, where it is searched; else None.
        trials: How many trials of this memory walked the whole stream.
        best: The best of them.
        value: Its objective.
        pareto: Whether no smaller memory has a value as good.
    """

    size: int
    budget: str | None
    trials: int
    best: TrialEntry
    value: float
    pareto: bool

    @property
    def bytes(self) -> float | None:
        """What the memory of the best trial holds after the last task; None where it was not reported."""
        return held_by(self.best)


def memory_worth(
    trials: Sequence[TrialEntry], value_of: Callable[[TrialEntry], float | None], mode: Literal["max", "min"]
) -> list[MemoryWorth]:
    """Compares trials of a search over ``replay.size`` within each memory: each size, and each budget where
    ``replay.budget`` is searched as well.

    Args:
        trials: The trials that walked the whole stream. Those without a value or a size do not count.
        value_of: Gives a trial's objective.
        mode: Whether a higher or a lower objective is better.

    Returns:
        One entry for each memory, the smallest first. They are ordered by the bytes that they hold, or by
        size where bytes were not reported. Among equal trials the one with the lower number is the best.
    """
    sign = 1 if mode == "max" else -1
    alike: dict[tuple[int, str | None], list[tuple[float, TrialEntry]]] = {}
    for trial in trials:
        value = value_of(trial)
        if value is not None and MEMORY_SIZE in trial.values:
            memory = int(trial.values[MEMORY_SIZE]), trial.values.get(_BUDGET)
            alike.setdefault(memory, []).append((value, trial))
    best_of = {
        memory: min(scored, key=lambda one: (-sign * one[0], one[1].number))
        for memory, scored in alike.items()
    }
    held = {memory: held_by(best) for memory, (_, best) in best_of.items()}
    told = None not in held.values()
    worth: list[MemoryWorth] = []
    for memory in sorted(best_of, key=lambda one: (held[one] if told else 0.0, one[0], one[1] or "")):
        value, best = best_of[memory]
        pareto = all(sign * value > sign * smaller.value for smaller in worth)
        worth.append(MemoryWorth(*memory, len(alike[memory]), best, value, pareto))
    return worth


def held_by(trial: TrialEntry) -> float | None:
    """What a trial's memory holds after its last finished task, in bytes; None where it was not reported."""
    return trial.reports[-1].get("replay/bytes") if trial.reports else None


def within(worth: Sequence[MemoryWorth], margin: float, mode: Literal["max", "min"]) -> list[MemoryWorth]:
    """The memories that cost at most ``margin`` of the best value, the smallest first.

    Args:
        worth: As :func:`memory_worth` gives it.
        margin: In the objective's unit, at least 0.
        mode: Whether a higher or a lower objective is better.
    """
    sign = 1 if mode == "max" else -1
    most = max((sign * one.value for one in worth), default=0.0)
    return [one for one in worth if sign * one.value >= most - margin]
