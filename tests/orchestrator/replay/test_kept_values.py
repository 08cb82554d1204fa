"""A method's own values beside the rows of a memory."""

import numpy as np
import pytest

from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.kept_values import KeptValues
from orchestrator.replay.memory import ReplayMemory


def _values(rows, width):
    """Of each row its number, in columns that differ."""
    return (rows[:, None] + np.arange(width) / 10).astype(np.float32)


def test_values_are_looked_up_by_row():
    rows = np.array([7, 2, 9])
    kept = KeptValues(rows, _values(rows, 3))
    found = kept.of(np.array([9, 1, 7, 10]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[[0, 2]], _values(np.array([9, 7]), 3))
    assert np.isnan(found[[1, 3]]).all()


def test_smaller_values_end_in_nan():
    one = KeptValues(np.array([1]), np.ones((1, 2, 2), np.float32))
    joined = one.joined(KeptValues(np.array([5]), np.zeros((1, 2, 3), np.float32)))
    assert joined.values.shape == (2, 2, 3)
    np.testing.assert_array_equal(joined.values[0, :, :2], 1)
    assert np.isnan(joined.values[0, :, 2]).all() and not joined.missing().any()


@pytest.mark.parametrize("policy", ["reservoir", "random"])
def test_a_memory_asks_for_each_rows_values_once_and_drops_them_with_the_row(policy):
    memory = ReplayMemory(ReplayConfig(size=6, policy=policy), seed=3)
    asked = []
    assert memory.kept(np.arange(3)) is None and "kept" not in memory.state()
    for task in range(4):
        rows = np.arange(10 * task, 10 * task + 10)
        memory.update(task, rows, np.zeros(10), None)
        again = ReplayMemory(ReplayConfig(size=6, policy=policy), seed=3)
        again.load(memory.state())  # as ranks do between taking in and keeping

        def compute(new, width=task + 2):
            asked.extend(new.tolist())
            return _values(new, width)

        again.keep(compute)
        memory = again
        assert memory.nbytes(0) == memory.rows.nbytes + 6 * (task + 2) * 4
        state = memory.state()
        assert state["kept"].shape == (6, task + 2)
        for row, values in zip(state["rows"].tolist(), state["kept"], strict=True):
            width = row // 10 + 2  # of the task that it came with
            np.testing.assert_array_equal(values[:width], _values(np.array([row]), width)[0])
            assert np.isnan(values[width:]).all()
    assert len(asked) == len(set(asked)) > 6
