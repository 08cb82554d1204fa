"""Two methods over the same pairs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.statistics.paired_comparison import compare_pairs
from orchestrator.statistics.summary import summarise

_A = [63.0, 58.0, 71.0, 66.0, 60.0, 69.0, 64.0, 57.0]
_LESS = [2.0, 1.0, 5.0, 4.0, -1.5, 6.0, 3.0, 7.0]  # ranks 3, 1, 6, 5, 2, 7, 4, 8: 2 below 0 of 36
_B = [a - less for a, less in zip(_A, _LESS, strict=True)]


def test_difference_deviation_interval_p_and_effect_size():
    found, alone = compare_pairs(_A, _B), summarise(_LESS)
    assert (found.n, found.differing, found.confidence) == (8, 8, 0.95)
    assert found.difference == pytest.approx(26.5 / 8)
    assert found.deviation == pytest.approx(np.std(_LESS, ddof=1))
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert found.p == 2 * 3 / 256  # sums up to 2: 0, 1, 2
    assert found.rank_biserial == pytest.approx(32 / 36)
    narrow = compare_pairs(_A, _B, confidence=0.5)
    assert found.low < narrow.low < narrow.high < found.high


def test_the_other_way_round_the_signs_change_alone():
    found, other = compare_pairs(_A, _B), compare_pairs(_B, _A)
    assert (other.difference, other.rank_biserial) == (-found.difference, -found.rank_biserial)
    assert (other.low, other.high, other.p) == (-found.high, -found.low, found.p)


def test_what_both_methods_owe_to_a_pair_cancels():
    luck = np.random.default_rng(0).normal(0, 30, 8)
    found, lucky = compare_pairs(_A, _B), compare_pairs(_A + luck, _B + luck)
    assert (lucky.difference, lucky.deviation, lucky.p) == pytest.approx(
        (found.difference, found.deviation, found.p)
    )


def test_differences_that_rounding_alone_tells_apart_are_equal():
    """0.3 - 0.2, 0.2 - 0.1 and 0.1 - 0.0 have three different binary values; 0.1 + 0.2 - 0.3 is no 0."""
    found = compare_pairs([0.3, 0.2, 0.1, 0.1 + 0.2, 0.5], [0.2, 0.1, 0.2, 0.3, 0.3])
    whole = compare_pairs([3, 2, 1, 3, 5], [2, 1, 2, 3, 3])
    assert found.differing == whole.differing == 4
    assert (found.p, found.rank_biserial) == (whole.p, whole.rank_biserial)


@pytest.mark.parametrize(("n", "shown"), [(5, False), (6, True)])
def test_five_percent_is_reached_from_six_pairs_on(n, shown):
    found = compare_pairs(np.arange(n) + 10, np.arange(n) / 2)
    assert found.p == 2 / 2**n
    assert found.can_show() is found.shows() is shown


def test_a_table_of_ten_comparisons_needs_nine_pairs():
    found = compare_pairs(_A, _B)
    assert found.can_show(6) and not found.can_show(7)
    assert replace(found, n=9).can_show(10) and not found.can_show(10)
    assert not found.can_show(alpha=0.005)


def test_a_difference_is_shown_by_the_corrected_p():
    found = compare_pairs(_A, _B)
    assert found.p < 0.03 and found.shows() and found.shows(0.05)
    assert not found.shows(0.051) and found.shows(0.051, alpha=0.06)


def test_where_the_interval_holds_0_nothing_is_shown():
    """One pair in eight is far out: p is 0.008, and the interval reaches below 0."""
    found = compare_pairs([1, 2, 3, 4, 5, 6, 7, 90], [0] * 8)
    assert found.p == 2 / 256 and found.low < 0 < found.high
    assert not found.shows()
    below = compare_pairs([0] * 8, [1, 2, 3, 4, 5, 6, 7, 8])
    assert below.high < 0 and below.shows()


def test_one_pair_shows_nothing():
    found = compare_pairs([3], [1])
    assert (found.difference, found.p) == (2, 1) and math.isnan(found.deviation)
    assert not found.shows()


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(
        ValueError, match=r"^figures of shapes \(2,\) and \(1,\): allowed are as many of both$"
    ):
        compare_pairs([1, 2], [1])
    with pytest.raises(ValueError, match="^figure 1 is nan: allowed are finite numbers$"):
        compare_pairs([1, math.nan], [1, 2])


def test_the_interval_holds_the_true_difference_in_95_of_100_studies():
    """2,000 studies of 8 pairs, a true difference of 3 and a deviation of 5: a share's own error is 0.5 %."""
    draw = np.random.default_rng(0)
    held = 0
    for _ in range(2000):
        figures = draw.normal(60, 8, 8)
        found = compare_pairs(figures + draw.normal(3, 5, 8), figures)
        held += found.low <= 3 <= found.high
    assert 0.93 <= held / 2000 <= 0.97
