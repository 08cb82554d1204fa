"""How large a difference n pairs can show."""

import math

import numpy as np
import pytest
from scipy.special import nctdtr, ndtr, stdtrit

from orchestrator.statistics.paired_comparison import compare_pairs
from orchestrator.statistics.power import chance_to_show, detectable_difference
from orchestrator.statistics.reach import smallest_p


@pytest.mark.parametrize(("n", "difference", "comparisons"), [(6, 6, 1), (8, 4, 1), (8, 6, 4), (15, 3, 1)])
def test_the_chance_is_the_share_of_studies_that_show_it(n, difference, comparisons):
    """600 studies with a deviation of 4: a share's own error is at most 2 %."""
    draw = np.random.default_rng(0)
    studies = [compare_pairs(draw.normal(difference, 4, n), np.zeros(n)) for _ in range(600)]
    share = np.mean([study.shows(comparisons * study.p) for study in studies])
    assert chance_to_show(n, difference, 4, comparisons=comparisons) == pytest.approx(share, abs=0.05)


def test_eight_in_ten_studies_show_the_detectable_difference():
    least = detectable_difference(8, 5)
    assert chance_to_show(8, least, 5) == pytest.approx(0.8, abs=1e-3)
    assert chance_to_show(8, detectable_difference(8, 5, power=0.5), 5) == pytest.approx(0.5, abs=1e-3)
    assert detectable_difference(8, 10) == pytest.approx(2 * least)
    assert least == pytest.approx(6.3, abs=0.1)


@pytest.mark.parametrize("effect", [0.5, 1.0, 1.5])
def test_where_all_differences_have_to_agree_the_chance_has_a_closed_form(effect):
    """Among four comparisons eight pairs pass Holm's first step if no difference is below 0."""
    assert chance_to_show(8, effect, 1, comparisons=4) == pytest.approx(float(ndtr(effect)) ** 8, abs=0.01)


@pytest.mark.parametrize("n", [8, 10, 15])
def test_ranks_lose_little_to_the_t_test_of_the_same_level(n):
    """The t test's power has a closed form, by the noncentral t; of normal differences it has the most.

    Its level is that which the ranks have: at n = 8 both reach 3.9 %, not 5.
    """
    level = {8: 10 / 256, 10: 50 / 1024, 15: 1570 / 2**15}[n]
    bound = float(stdtrit(n - 1, 1 - level / 2))
    for effect in (0.5, 1.0, 1.5):
        most = 1 - float(nctdtr(n - 1, effect * math.sqrt(n), bound))
        found = chance_to_show(n, effect, 1)
        assert most - 0.07 < found < most + 0.01


def test_more_pairs_show_smaller_differences_and_more_comparisons_larger_ones():
    by_pairs = [detectable_difference(n, 1) for n in (6, 8, 10, 15)]
    assert by_pairs == sorted(by_pairs, reverse=True)
    assert (
        detectable_difference(8, 1, comparisons=6) > detectable_difference(8, 1, comparisons=2) > by_pairs[1]
    )
    assert detectable_difference(8, 1, confidence=0.999) > by_pairs[1]


def test_too_few_pairs_show_nothing():
    assert smallest_p(5) > 0.05
    assert detectable_difference(5, 1) == math.inf and chance_to_show(5, 100, 1) == 0
    assert detectable_difference(8, 1, comparisons=10) == math.inf
    assert detectable_difference(6, 1) < math.inf


def test_without_a_difference_hardly_any_study_shows_one_and_without_deviation_all_do():
    assert 0.017 < chance_to_show(8, 0, 1) < 0.021  # half of 3.9 %: in one direction
    assert detectable_difference(8, 0) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: detectable_difference(0, 1),
            "n = 0, deviation 1: allowed are at least 1, and finite from 0 on",
        ),
        (lambda: detectable_difference(8, math.nan), "n = 8, deviation nan: allowed are .*"),
        (lambda: detectable_difference(8, 1, power=1), "power 1: allowed is a number between 0 and 1"),
        (lambda: detectable_difference(8, 1, confidence=95), "confidence 95: allowed is a number .*"),
        (lambda: chance_to_show(8, -1, 1), "difference -1, deviation 1: allowed are at least 0, above 0"),
        (lambda: chance_to_show(8, 1, 0), "difference 1, deviation 0: allowed are at least 0, above 0"),
    ],
)
def test_what_is_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
