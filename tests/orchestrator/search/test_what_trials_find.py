"""What is said of what a number of trials can find."""

import numpy as np
import pytest

from orchestrator.search.space import Space
from orchestrator.search.what_trials_find import what_trials_find

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def ctp():
    return Space.load("ctp")


def test_the_shares_are_those_of_random_draws(ctp):
    keys = len(ctp.parameters)
    rest = f"drawn at random over {keys} keys: the best of them would be among the best"
    assert (
        what_trials_find(ctp, 16)
        == f"15 points {rest} 18 % of all in 95 % of searches; for the best 5 %, 59 points"
    )
    assert what_trials_find(ctp, 59).endswith(
        f"{rest} 5 % of all in 95 % of searches; for the best 5 %, 59 points"
    )
    assert what_trials_find(ctp, 60) == f"59 points {rest} 5 % of all in 95 % of searches"
    assert what_trials_find(ctp, 600) == f"599 points {rest} 0.5 % of all in 95 % of searches"
    best = np.random.default_rng(0).random((20000, 15)).min(1)
    assert np.quantile(best, 0.95) == pytest.approx(0.18, abs=0.005)


def test_nothing_is_said_where_nothing_is_drawn_or_all_is_tried(ctp):
    assert what_trials_find(ctp, 1) == "" and what_trials_find(Space.load("zero-shot"), 1) == ""
    assert what_trials_find(ctp, 2).startswith("1 point drawn at random over ")
    few = Space.load("joint").without({"method.learning_rate": 5e-4, "method.temperature": 0.07})
    assert [parameter.key for parameter in few.parameters] == ["method.epochs"] and few.points(99) == 3
    assert what_trials_find(few, 3) == "" and "over 1 key:" in what_trials_find(few, 2)
