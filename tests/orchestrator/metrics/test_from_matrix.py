"""Metrics that follow from a matrix alone."""

import numpy as np
import pytest

from orchestrator.metrics.from_matrix import FROM_MATRIX

pytestmark = pytest.mark.unit

# Forward transfer's entries are above the diagonal; task 1 is forgotten and comes back a little.
_R = np.array([[80.0, 10.0, 4.0], [40.0, 90.0, 8.0], [50.0, 70.0, 60.0]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("unweighted_average", 60.0),
        ("unweighted_average_over_time", (80 + 65 + 60) / 3),
        ("learning_accuracy", (80 + 90 + 60) / 3),
        ("forgetting", ((80 - 50) + (90 - 70)) / 2),
        ("forgetting_including_last", ((80 - 50) + (90 - 70)) / 2),
        ("backward_transfer", ((50 - 80) + (70 - 90)) / 2),
        ("backward_transfer_over_time", ((40 - 80) + (50 - 80) + (70 - 90)) / 3),
        ("past_and_present", (80 + 40 + 90 + 50 + 70 + 60) / 6),
        ("tasks_to_come", (10 + 4 + 8) / 3),
        ("worst_task", 50.0),
        ("spread_over_tasks", 10.0),
    ],
)
def test_each_metric_is_what_its_definition_says(name, value):
    assert FROM_MATRIX[name].compute(_R) == pytest.approx(value)


def test_a_task_that_ends_better_than_ever_is_not_forgotten_where_the_last_row_counts():
    better = np.array([[50.0, 0.0], [70.0, 60.0]])
    assert FROM_MATRIX["forgetting"].compute(better) == -20.0
    assert FROM_MATRIX["forgetting_including_last"].compute(better) == 0.0


def test_one_task_has_no_transfer():
    found = {name: metric.compute(np.array([[42.0]])) for name, metric in FROM_MATRIX.items()}
    assert {name for name, value in found.items() if np.isnan(value)} == {
        "forgetting",
        "forgetting_including_last",
        "backward_transfer",
        "backward_transfer_over_time",
        "tasks_to_come",
        "spread_over_tasks",
    }
    assert found["worst_task"] == found["past_and_present"] == 42.0
