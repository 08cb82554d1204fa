"""Holm's correction for a table of comparisons."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p: Sequence[float]) -> list[float]:
    """Corrects the p values of a table, so that any false win among them is as rare as the level says.

    The smallest of m values is multiplied by m, the next by m - 1, and so on; none becomes smaller than one
    before it, and none larger than 1. Holm (Scandinavian Journal of Statistics 1979). The comparisons may
    depend on each other, as those of one method with several do.

    The table must be fixed before the figures are seen. Picking the best method by its figures and comparing
    it with the others amounts to all comparisons among them, and needs a correction for all of them.

    Args:
        p: (m,), each 0 .. 1.

    Returns:
        (m,), in the same order.

    Raises:
        ValueError: A value is not between 0 and 1.
    """
    for index, value in enumerate(p):
        if not 0 <= value <= 1:
            raise ValueError(f"p value {index} is {value}: allowed is 0 to 1")
    corrected, largest = [0.0] * len(p), 0.0
    for done, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        largest = max(largest, min(1.0, (len(p) - done) * p[index]))
        corrected[index] = largest
    return corrected
