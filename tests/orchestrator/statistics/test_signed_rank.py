"""Wilcoxon's test by hand, by counting all signs, and beside scipy's."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from orchestrator.statistics.signed_rank import lower_tail, signed_rank

# The signs that lead to a sum at least as small are counted by hand, of 2^m for m differences that are not 0.
_BY_HAND = {
    "n = 5, all above": ([1, 2, 3, 4, 5], 2 / 32, 1),
    "n = 5, the largest below": ([1, 2, 3, 4, -5], 2 * 10 / 32, 5 / 15),
    "n = 5, two sizes": ([1, 1, -1, 2, 2], 2 * 4 / 32, 11 / 15),  # ranks 2, 2, 2, 4.5, 4.5
    "n = 5, a zero and one size": ([0, 1, 1, 1, -1], 2 * 5 / 16, 7 / 14),  # ranks 3.5, four times
    "n = 6, all below": ([-3, -1, -2, -6, -5, -4], 2 / 64, -1),
    "n = 6, the smallest below": ([-1, 2, 3, 4, 5, 6], 2 * 2 / 64, 19 / 21),
    "n = 6, one size": ([1, 1, 1, 1, 1, -1], 2 * 7 / 64, 14 / 21),  # rank 3.5, six times
    "n = 8, the third below": ([1, 2, -3, 4, 5, 6, 7, 8], 2 * 5 / 256, 30 / 36),
    "n = 8, two zeros": ([0, 0, -1, -2, 3, 4, 5, 6], 2 * 7 / 64, 19 / 33),  # ranks 3 to 8
    "balanced": ([2, -2], 1, 0),
    "zeros alone": ([0, 0, 0], 1, 0),
}


@pytest.mark.parametrize(("differences", "p", "correlation"), _BY_HAND.values(), ids=_BY_HAND)
def test_p_and_correlation_are_those_that_were_counted_by_hand(differences, p, correlation):
    found = signed_rank(differences)
    assert found.p == pytest.approx(p, rel=1e-12)
    assert found.rank_biserial == pytest.approx(correlation, rel=1e-12)
    assert found.differing == np.count_nonzero(differences)
    other = signed_rank([-value for value in reversed(differences)])
    assert (other.p, other.rank_biserial) == (found.p, -found.rank_biserial)


@pytest.mark.parametrize("seed", range(4))
def test_p_with_ties_and_zeros_is_the_share_of_all_signs(seed):
    differences = np.random.default_rng(seed).integers(-3, 5, 9)
    sizes = np.abs(differences)
    ranks = stats.rankdata(sizes)
    signs = np.array(list(product((-1, 1), repeat=9)))
    sums = np.abs((signs * np.where(sizes > 0, ranks, 0)).sum(1))
    seen = abs((np.sign(differences) * ranks).sum())
    assert signed_rank(differences).p == pytest.approx((sums >= seen - 1e-9).mean(), rel=1e-12)
    scipys = stats.wilcoxon(differences, zero_method="pratt", method=stats.PermutationMethod())
    assert signed_rank(differences).p == pytest.approx(scipys.pvalue, rel=1e-9)


@pytest.mark.parametrize("n", [5, 8, 25, 40])
def test_p_without_ties_is_that_of_scipy(n):
    differences = np.random.default_rng(n).standard_normal(n) + 0.3
    assert signed_rank(differences).p == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


def test_sizes_within_the_tolerance_are_equal_and_those_up_to_it_are_zero():
    noisy = [1 + 1e-12, 1 - 1e-12, -1, 2, 2 + 1e-12, 1e-13]
    assert signed_rank(noisy, tolerance=1e-9) == signed_rank([1, 1, -1, 2, 2, 0])
    assert signed_rank(noisy) != signed_rank([1, 1, -1, 2, 2, 0])


def test_what_is_kept_of_a_null_distribution_cannot_be_changed():
    np.testing.assert_array_equal(lower_tail((1, 2, 3)), np.array([1, 2, 3, 5, 6, 7, 8]) / 8)
    with pytest.raises(ValueError, match="read-only"):
        lower_tail((1, 2, 3))[0] = 0
