"""From runs to figures that may be tested."""

import pytest

from orchestrator.statistics.independent_values import independent_values


def test_pairs_of_a_seed_and_an_order_stay_as_they_are():
    found = independent_values(
        {
            "a": {("natural", 0): 60.0, (1, 1): 50.0, ((1, 0, 2), 2): 70.0},
            "b": {((1, 0, 2), 2): 7.0, ("natural", 0): 6.0, (1, 1): 5.0},
        }
    )
    assert found.values == {"a": [60, 50, 70], "b": [6, 5, 7]}
    assert (found.n, found.over) == (3, "3 seeds and orders")


def test_of_a_grid_each_order_is_the_mean_of_its_seeds():
    found = independent_values(
        {"a": {(order, seed): 10 * order + seed for seed in range(3) for order in (5, 2)}}
    )
    assert found.values == {"a": [51, 21]}
    assert (found.n, found.over) == (2, "2 orders, each the mean of 3 seeds")


def test_orders_may_have_different_numbers_of_seeds():
    found = independent_values({"a": {(0, 0): 1, (0, 1): 3, (1, 2): 5}})
    assert found.values == {"a": [2, 5]}
    assert found.over == "2 orders, each the mean of 1 to 2 seeds"


def test_orders_of_one_seed_and_seeds_of_one_order_are_called_so():
    orders = independent_values({"a": {(0, 7): 1.0, (1, 7): 2.0}})
    assert (orders.values, orders.over) == ({"a": [1, 2]}, "2 orders of one seed")
    seeds = independent_values({"a": {("natural", 0): 1.0, ("natural", 1): 2.0}})
    assert (seeds.values, seeds.n, seeds.over) == ({"a": [1, 2]}, 2, "2 seeds of one order")
    assert independent_values({"a": {("natural", 0): 1.0}}).over == "1 seed of one order"


def test_a_run_that_one_method_lacks_is_named():
    for methods in (
        {"a": {(0, 0): 1, (1, 4): 2}, "b": {(0, 0): 1}},
        {"b": {(0, 0): 1}, "a": {(0, 0): 1, (1, 4): 2}},
    ):
        with pytest.raises(ValueError, match="^b has no run of order 1, seed 4, which another one has$"):
            independent_values(methods)
    for none in ({}, {"a": {}}):
        with pytest.raises(
            ValueError, match="^no runs: allowed is at least one method with at least one run$"
        ):
            independent_values(none)
