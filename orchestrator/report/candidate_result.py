"""The result of one of the best trials of a search, which was run with every pair of seed and order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class CandidateResult:
    """One of the best trials of a search.

    Attributes:
        trial: The trial's id.
        score: Its objective on validation data in the search; None where it is not recorded.
        validation: Pair -> the same objective of its run with the pair, for the pairs that have ended.
        chosen: Whether it is the one whose test data was looked at.
    """

    trial: str
    score: float | None
    validation: Mapping[int, float]
    chosen: bool

    @property
    def mean(self) -> float | None:
        """The mean of :attr:`validation`; None where it is empty."""
        return fmean(self.validation.values()) if self.validation else None
