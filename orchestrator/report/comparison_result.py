"""The result of a study for its first method and another one."""

from __future__ import annotations

from dataclasses import dataclass

from ..statistics.paired_comparison import PairedComparison


@dataclass(frozen=True)
class ComparisonResult:
    """The first method compared with another one.

    Attributes:
        first: The first method's label.
        other: The other method's label.
        found: The comparison of the first method's figures with the other's.
        corrected_p: p after Holm's correction over the stream's comparisons.
        sentence: The result in words, without a full stop.
        differences: Pair -> the first method's figure minus the other's, for the pairs that both have.
    """

    first: str
    other: str
    found: PairedComparison
    corrected_p: float
    sentence: str
    differences: dict[int, float]
