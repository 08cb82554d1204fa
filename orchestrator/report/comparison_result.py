"""What a study found between its first method and another one."""

from __future__ import annotations

from dataclasses import dataclass

from ..statistics.paired_comparison import PairedComparison


@dataclass(frozen=True)
class ComparisonResult:
    """The first method beside another one.

    Attributes:
        first: The first method's label.
        other: The other method's label.
        found: The comparison, of the first method's figures with the other's.
        corrected_p: p after Holm's correction over the stream's comparisons.
        sentence: What it comes to, without a full stop.
        differences: Pair -> the first method's figure less the other's, of the pairs that both have.
    """

    first: str
    other: str
    found: PairedComparison
    corrected_p: float
    sentence: str
    differences: dict[int, float]
