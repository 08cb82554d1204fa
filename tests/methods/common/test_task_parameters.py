"""One tensor a task: the newest apart from the past, and states of any number of tasks."""

import pytest
import torch

from methods.common.task_parameters import TaskParameters


def grown(*values, dtype=torch.float32):
    found = TaskParameters(2).to(dtype)
    for value in values:
        found.grow(torch.tensor(value))
    return found


def test_the_newest_is_apart_and_the_past_is_in_the_order_of_tasks():
    found = grown([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    assert found.past.tolist() == [[1, 2], [3, 4]] and found.new.tolist() == [[5, 6]]
    assert (len(grown().past), len(grown().new)) == (0, 0)
    assert grown([1.0, 2.0], dtype=torch.float64).new.dtype == torch.float64


def test_a_state_of_any_number_of_tasks_is_read():
    states = [grown(*([float(k), 0.0] for k in range(count))).state_dict() for count in range(4)]
    for state in states:
        for count in range(4):
            found = grown(*([9.0, 9.0] for _ in range(count)))
            found.load_state_dict(state)
            assert all(torch.equal(found.state_dict()[name], value) for name, value in state.items())
            assert found.new.requires_grad and found.past.requires_grad


def test_another_width_is_torchs_error():
    with pytest.raises(RuntimeError, match="size mismatch for new"):
        grown().load_state_dict({"past": torch.zeros(0, 3), "new": torch.zeros(1, 3)})
