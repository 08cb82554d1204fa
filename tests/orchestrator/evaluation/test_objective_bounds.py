"""By how much a value is beyond the bound of its objective."""

import pytest

from orchestrator.evaluation.objective import Objective


@pytest.mark.parametrize(
    ("mode", "bound", "value", "excess"),
    [
        ("max", 40.0, 30.0, 0.25),
        ("max", 40.0, 50.0, -0.25),
        ("min", 40.0, 30.0, -0.25),
        ("min", 40.0, 50.0, 0.25),
        ("min", 0.0, 3.0, 3.0),
    ],
)
def test_at_least_is_a_bound_from_below_and_at_most_one_from_above(mode, bound, value, excess):
    goal = Objective("validation/average", mode, bound=bound)
    assert goal.excess({"validation/average": value}) == {"validation/average": excess}
    assert goal.excess({}) == {}
