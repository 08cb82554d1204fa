"""The result of a study for one method on one stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .candidate_result import CandidateResult
from .pair_result import PairResult
from .trial_curve import TrialCurve
from .what_mattered import WhatMattered


@dataclass(frozen=True)
class MethodResult:
    """A method on one stream.

    Attributes:
        label: Its name in tables.
        trials: How many trials of its search have ended; None where it is not recorded.
        failed_trials: How many of them failed.
        memory: The replay memory in samples: ``40``, ``20 a class``, ``0`` or ``searched``.
        pairs: Its runs with a pair that have ended, by the pair's number.
        score: The chosen trial's objective on validation data; None where none was chosen.
        searched: The recorded trials of its search.
        chosen: Dotted key -> value that the search chose; empty where nothing is recorded.
        commands: The name of a step -> the command that repeats it.
        spent: The cost of its search: ``seconds`` of all trials, and ``gpu_hours``; empty where that is not
            known.
        mattered: Which values of its search mattered; None where nothing is recorded.
        candidates: The best trials of its search, where several were run with every pair; else empty.
        extremes: ``worst`` and ``best`` -> metric -> value on test data, of its runs in extreme orders that
            have ended. No mean and no test has them.
    """

    label: str
    trials: int | None
    failed_trials: int
    memory: str
    pairs: tuple[PairResult, ...]
    score: float | None = None
    searched: tuple[TrialCurve, ...] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)
    mattered: WhatMattered | None = None
    candidates: tuple[CandidateResult, ...] = ()
    extremes: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def figures(self, metric: str) -> dict[int, float]:
        """Pair -> the metric on test data, or a cost of the run, for the pairs that have it."""
        found = {pair.number: {**pair.cost, **pair.test} for pair in self.pairs}
        return {number: values[metric] for number, values in found.items() if metric in values}
