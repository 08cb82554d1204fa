"""Which values tell something of an outcome: what chance alone tells, and what is found of true effects."""

import numpy as np
import pytest
from scipy.stats import rankdata

from orchestrator.statistics.main_effects import _explained, _places, main_effects

_OUTCOME = np.arange(16.0)


def _columns(draw, count=16):
    numbers = [list(draw.random(count)) for _ in range(3)]
    return [*numbers, [("a", "b", "c")[place] for place in draw.integers(0, 3, count)]]


def test_chance_alone_tells_something_in_one_of_twenty():
    draw = np.random.default_rng(1)
    told = sum(min(main_effects(draw.permutation(_OUTCOME), _columns(draw))) <= 0.05 for _ in range(60))
    assert told <= 8, "3 are expected; more than 8 come in one of 200 such tests"


@pytest.mark.parametrize(
    "column",
    [
        list(np.exp(_OUTCOME)),
        list(np.abs(_OUTCOME - 7)[::-1] - _OUTCOME / 2),
        ["a"] * 8 + ["b"] * 8,
        [0.5] * 8 + [2.0] * 8,
        [False] * 8 + [True] * 8,
    ],
)
def test_a_value_that_decides_is_told(column):
    p = main_effects(_OUTCOME, [*_columns(np.random.default_rng(2)), column])
    assert p[-1] <= 0.01 and min(p[:-1]) > 0.05


def test_a_best_value_in_the_middle_is_told():
    value = np.random.default_rng(3).permutation(16) / 16
    outcome = np.argsort(np.argsort((value - 0.5) ** 2)).astype(float)
    assert main_effects(outcome, [list(value)])[0] == 0.001


def test_a_value_is_measured_among_the_rows_that_have_it():
    column = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, *[None] * 8]
    assert main_effects(_OUTCOME, [column, column[::-1]]) == [0.001, 0.001]


@pytest.mark.parametrize(
    "column", [["a"] * 16, [None] * 16, [1.0, 2.0, 3.0, *[None] * 13], list("abcdefghijklmnop")]
)
def test_what_has_nothing_to_tell_by_has_p_one(column):
    assert main_effects(_OUTCOME, [column]) == [1.0]
    both = main_effects(_OUTCOME, [column, list(_OUTCOME)])
    assert both == [1.0, 0.001]


def test_equal_values_have_the_ranks_of_scipy():
    """A table of its own, as no p shows how ties are counted."""
    values = np.array([3.0, 1.0, 3.0, 2.0, 3.0, 1.0])
    before, until = _places(values)
    assert until.tolist() == rankdata(values, method="max").tolist() == [6, 2, 6, 3, 6, 2]
    assert ((before + until + 1) / 2).tolist() == rankdata(values).tolist()


def test_equal_numbers_share_a_place_whatever_their_size():
    """The mean ranks make a parabola whole, which other ranks of equal numbers would not."""
    column = [1, 1, 7, 7, 900, 900, 900, 1000]
    place = rankdata(column) / len(column) - 0.5
    explained = _explained((3 * place**2 - place)[None], column)
    assert explained == pytest.approx(1.0)
