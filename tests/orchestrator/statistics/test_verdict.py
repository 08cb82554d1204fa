"""The sentence that a comparison comes to."""

import pytest

from orchestrator.statistics.paired_comparison import PairedComparison, compare_pairs
from orchestrator.statistics.power import detectable_difference
from orchestrator.statistics.verdict import verdict


def _found(**other):
    values = {
        "n": 8,
        "difference": 3.1,
        "deviation": 2.03,
        "low": 1.4,
        "high": 4.8,
        "confidence": 0.95,
        "p": 0.0078125,
        "rank_biserial": 1.0,
        "differing": 8,
    }
    return PairedComparison(**{**values, **other})


def test_a_difference_that_is_shown():
    said = verdict(
        _found(), "A", "B", over="8 seeds and orders", cost="240 replayed samples and 1.2 GPU-hours each"
    )
    assert said == (
        "with everyone tuned alike, A beats B by 3.1 points (95 % interval 1.4 to 4.8, paired over 8 seeds "
        "and orders), for 240 replayed samples and 1.2 GPU-hours each"
    )


def test_the_second_method_may_be_the_better_one_and_less_may_be_better():
    below = _found(difference=-3.1, low=-4.8, high=-1.4, rank_biserial=-1.0)
    won = "beats {} by 3.1 points (95 % interval 1.4 to 4.8, paired over 8 pairs)"
    assert verdict(_found(), "A", "B", condition="") == "A " + won.format("B")
    assert verdict(below, "A", "B", condition="") == "B " + won.format("A")
    assert verdict(_found(), "A", "B", condition="", less_is_better=True) == "B " + won.format("A")
    assert verdict(below, "A", "B", condition="", less_is_better=True) == "A " + won.format("B")


def test_unit_confidence_and_condition_are_those_given():
    said = verdict(_found(confidence=0.9), "A", "B", unit="points of forgetting", condition="at equal memory")
    assert said == (
        "at equal memory, A beats B by 3.1 points of forgetting (90 % interval 1.4 to 4.8, "
        "paired over 8 pairs)"
    )


@pytest.mark.parametrize(
    ("difference", "half", "said"),
    [
        (31.4, 16, "by 31.4 points (95 % interval 15.4 to 47.4,"),
        (3.14, 0.32, "by 3.14 points (95 % interval 2.82 to 3.46,"),
        (0.0314, 0.0123, "by 0.031 points (95 % interval 0.019 to 0.044,"),
        (3.0, 0.0, "by 3.000 points (95 % interval 3.000 to 3.000,"),
    ],
)
def test_so_many_digits_as_the_interval_bears(difference, half, said):
    found = _found(difference=difference, low=difference - half, high=difference + half)
    assert said in verdict(found, "A", "B")


def test_no_difference_shown_says_what_would_have_been_seen():
    found = _found(p=0.2, low=-1.0, deviation=2.2)
    assert 2.7 < detectable_difference(8, 2.2) < 2.8
    assert verdict(found, "A", "B") == (
        "A and B: no difference shown "
        "(n = 8; a difference of 2.8 points would have been seen in 80 % of such studies)"
    )
    strict = detectable_difference(8, 2.2, comparisons=4)
    assert 3.6 < strict < 4.8
    said = verdict(_found(deviation=2.2), "A", "B", comparisons=4, corrected_p=0.06)
    assert float(said.partition("difference of ")[2].split()[0]) == pytest.approx(strict, abs=0.1)


@pytest.mark.parametrize(
    ("deviation", "said"), [(20, "26 points"), (2.32, "3.0 points"), (0.0222, "0.028 points")]
)
def test_what_would_have_been_seen_is_rounded_up(deviation, said):
    least = detectable_difference(8, deviation)
    assert least <= float(said.split()[0]) < 1.05 * least
    assert f"a difference of {said} would" in verdict(_found(p=1.0, deviation=deviation), "A", "B")


def test_the_corrected_p_decides_in_a_table():
    assert "beats" in verdict(_found(), "A", "B", comparisons=4, corrected_p=0.03125)
    assert "no difference shown" in verdict(_found(), "A", "B", comparisons=4, corrected_p=0.06)
    with pytest.raises(ValueError, match="^4 comparisons without corrected_p: allowed is one, or Holm's p$"):
        verdict(_found(), "A", "B", comparisons=4)


def test_too_few_pairs_are_said_whatever_the_figures_are():
    assert verdict(compare_pairs([9, 8, 7, 6, 5], [0] * 5), "A", "B") == (
        "A and B: no difference can be shown "
        "(n = 5: the test cannot reach 5 % below 6 pairs, whatever the figures are)"
    )
    assert verdict(_found(), "A", "B", comparisons=10, corrected_p=0.078) == (
        "A and B: no difference can be shown "
        "(n = 8: the test with 10 comparisons cannot reach 5 % below 9 pairs, whatever the figures are)"
    )
    assert "1 % below 8 pairs" in verdict(_found(n=7), "A", "B", alpha=0.01)


def test_the_same_figures_throughout_are_said_to_be_the_same():
    same = compare_pairs([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6])
    assert (
        verdict(same, "A", "B")
        == "A and B: no difference shown (n = 6; the figures are the same in all pairs)"
    )
