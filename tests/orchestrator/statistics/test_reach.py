"""The smallest p, and the pairs that a table needs."""

import pytest

from orchestrator.statistics.holm import holm
from orchestrator.statistics.reach import pairs_needed, smallest_p
from orchestrator.statistics.signed_rank import signed_rank


@pytest.mark.parametrize("n", [1, 5, 6, 8])
def test_the_smallest_p_is_that_of_differences_of_one_sign(n):
    assert smallest_p(n) == 2 / 2**n == signed_rank(range(1, n + 1)).p


@pytest.mark.parametrize(("comparisons", "pairs"), [(1, 6), (3, 7), (6, 8), (7, 9), (10, 9), (45, 11)])
def test_a_table_needs_so_many_pairs_that_one_sign_throughout_passes_holm(comparisons, pairs):
    assert pairs_needed(comparisons) == pairs
    rest = [1.0] * (comparisons - 1)
    assert min(holm([smallest_p(pairs), *rest])) <= 0.05 < min(holm([smallest_p(pairs - 1), *rest]))


def test_a_stricter_level_needs_more_pairs():
    assert pairs_needed(alpha=0.01) == 8


def test_what_is_out_of_range_is_named():
    with pytest.raises(ValueError, match="^n = 0: allowed is a number of pairs, at least 1$"):
        smallest_p(0)
    with pytest.raises(ValueError, match="^0 comparisons: allowed is at least 1$"):
        pairs_needed(0)
    with pytest.raises(ValueError, match="^alpha 1: allowed is a number between 0 and 1$"):
        pairs_needed(alpha=1)
