"""Computes what the signed-rank test can show with a number of pairs, before anything is trained."""

from __future__ import annotations


def smallest_p(n: int) -> float:
    """Computes the smallest p that n pairs can have: 2 / 2^n, where all differences have one sign.

    Args:
        n: At least 1.

    Raises:
        ValueError: ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"n = {n}: allowed is a number of pairs, at least 1")
    return 2.0 ** (1 - n)


def pairs_needed(comparisons: int = 1, *, alpha: float = 0.05) -> int:
    """Computes the fewest pairs with which a table can show any difference at all.

    Holm's correction multiplies a table's smallest p by the number of its comparisons. Below this number of
    pairs no corrected p reaches ``alpha``, whatever the figures are. One comparison needs 6 pairs. All
    comparisons among 4 methods (6) need 8 pairs, among 5 methods (10) 9, and among 10 methods (45) 11.

    Args:
        comparisons: The comparisons of the table, at least 1.
        alpha: The level, between 0 and 1.

    Raises:
        ValueError: ``comparisons`` is below 1, or ``alpha`` not between 0 and 1.
    """
    if comparisons < 1:
        raise ValueError(f"{comparisons} comparisons: allowed is at least 1")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}: allowed is a number between 0 and 1")
    n = 1
    while comparisons * smallest_p(n) > alpha:
        n += 1
    return n
