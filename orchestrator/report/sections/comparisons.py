"""The comparisons of a stream's first method with the others."""

from __future__ import annotations

import math

from ...metrics.measures import difference_unit, in_unit, unit
from ..comparison_result import ComparisonResult
from ..drawing.draw_differences import draw_differences
from ..figure import figure
from ..html import join, tag
from ..shown_number import MISSING, shown_number
from ..shown_p import shown_p
from ..stream_result import StreamResult
from ..table import table
from .section import Section

_HEADS = ("beside", "n", "difference", "95 % interval", "p", "p (Holm)", "effect size", "shown")


def comparisons(stream: StreamResult) -> Section | None:
    """The differences over pairs with their intervals and tests; None where nothing is compared.

    Args:
        stream: The stream.
    """
    found = stream.comparisons
    if not found:
        return None
    first, family = found[0].first, stream.family or len(found)
    of = difference_unit(stream.measure)
    points = f"in {of}" if of else in_unit(stream.measure)
    about = (
        f"{first} less each other method, {stream.measure} {points}, over the pairs that both have. "
        "The interval is Student's over the differences; p is of Wilcoxon's signed-rank test, two-sided and "
        f"exact, and corrected by Holm over {family} comparison{'s' * (family > 1)}; the effect size "
        "is the matched-pairs rank-biserial correlation. A difference is shown where the corrected p is at "
        "most 5 % and the interval does not hold 0."
    )
    digits = 3 if unit(stream.measure) == "GPU-hours" else 1
    drawn = draw_differences(
        found, f"{first} less it{of and f', {of}'}", f"Differences of {first} with other methods"
    )
    sentences = tag("ul", *(tag("li", f"{one.sentence}.") for one in found))
    return Section(
        "Paired differences",
        join(
            tag("p", f"{stream.about_comparisons} {about}".strip(), kind="soft"),
            table(_HEADS, [_row(one, digits) for one in found], "differences"),
            figure(drawn, "A dot is a pair. The stroke is the mean, with its 95 % interval."),
            sentences,
        ),
    )


def _row(one: ComparisonResult, digits: int) -> list[str]:
    told = one.found
    low, high = (shown_number(end, digits, signed=True) for end in (told.low, told.high))
    return [
        one.other,
        str(told.n),
        shown_number(told.difference, digits, signed=True),
        f"{low} to {high}" if math.isfinite(told.low) else MISSING,
        shown_p(told.p),
        shown_p(one.corrected_p),
        shown_number(told.rank_biserial, 2, signed=True),
        "yes" if told.shows(one.corrected_p) else "no",
    ]
