"""Layers of domination, the knee of a Pareto set, and the volume that a set dominates."""

import numpy as np
import pytest

from orchestrator.statistics.domination_layers import domination_layers
from orchestrator.statistics.hypervolume import hypervolume
from orchestrator.statistics.knee import knee

pytestmark = pytest.mark.unit


def test_layers_are_the_pareto_set_and_that_of_what_is_left():
    points = [[0, 3], [1, 1], [3, 0], [2, 2], [1, 1], [1, 2], [4, 4]]
    assert domination_layers(points).tolist() == [0, 0, 0, 2, 0, 1, 3]
    assert domination_layers(np.empty((0, 2))).tolist() == []


def test_a_point_that_is_better_in_one_and_equal_in_the_others_dominates():
    assert domination_layers([[1, 1, 1], [1, 1, 0]]).tolist() == [1, 0]
    assert domination_layers([[1, 0, 1], [1, 1, 0]]).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("points", "place"),
    [
        ([[0, 10], [1, 4], [5, 3], [10, 0]], 1),  # 0.1 + 0.4, against 1, 0.8 and 1
        ([[0, 1000], [1, 400], [5, 300], [10, 0]], 1),  # the unit says nothing
        ([[0, 10], [9, 9], [10, 0]], 0),  # nothing bulges: an end
        ([[3, 7]], 0),
        ([[0, 5, 9], [1, 5, 1], [9, 5, 0]], 1),  # an objective in which all are equal says nothing
        ([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0, 1, 1], [1, 0, 0]], 0),  # 0.6 in both orders: the first
    ],
)
def test_the_knee_has_the_least_sum_of_losses_each_over_its_span(points, place):
    assert knee(points) == place


def test_a_hypervolume_is_the_area_up_to_the_reference_point():
    assert hypervolume([[0, 2], [1, 1], [2, 0]], [3, 3]) == 6
    assert hypervolume([[0, 2], [1, 1], [2, 0], [2, 2], [1, 1], [0, 4], [3, 0]], [3, 3]) == 6
    assert hypervolume([[0, 0, 1], [0, 1, 0], [1, 0, 0]], [2, 2, 2]) == 7  # of 8, all but the corner
    assert hypervolume([], [1, 1]) == 0 == hypervolume([[4, 1]], [3, 3])
