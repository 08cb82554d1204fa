"""Holm's correction."""

import pytest

from orchestrator.statistics.holm import holm


def test_a_worked_example():
    """0.005 * 4, 0.01 * 3, 0.03 * 2, and 0.04 * 1, which is not below the one before it."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_none_is_above_1_and_equal_ones_stay_equal():
    assert holm([0.5, 0.9, 0.5]) == [1.0, 1.0, 1.0]
    assert holm([0.01, 0.01]) == [0.02, 0.02]
    assert holm([0.3]) == [0.3] and holm([]) == []


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_is_named(wrong):
    with pytest.raises(ValueError, match=rf"^p value 1 is {wrong}: allowed is 0 to 1$"):
        holm([0.5, wrong])
