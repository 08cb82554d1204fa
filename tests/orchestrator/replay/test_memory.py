import numpy as np
import pytest

from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.replay.policies import POLICIES

LABELS = np.arange(60, dtype=np.int32) % 3


class _Ranker:
    def features(self, rows):
        return np.eye(60)[rows]

    def logits(self, rows):
        return np.random.default_rng(0).normal(size=(2, 60, 3))[:, rows]

    def herding(self, rows):
        return None


def _update(memory, task):
    rows = np.arange(task * 20, task * 20 + 20)
    memory.update(task, rows, LABELS[rows], _Ranker())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", [0, 9])
def test_a_restored_memory_goes_on_as_if_nothing_had_happened(policy, size):
    config = ReplayConfig(size, policy, balance_by="class")
    whole, first = ReplayMemory(config, seed=1), ReplayMemory(config, seed=1)
    for task in range(3):
        _update(whole, task)
    for task in range(2):
        _update(first, task)
    second = ReplayMemory(config, seed=1)
    second.load(first.state())
    assert second.rows.tolist() == first.rows.tolist()
    _update(second, 2)
    assert second.rows.tolist() == whole.rows.tolist()
    assert len(whole.rows) == size


def test_an_empty_memory_can_be_saved():
    memory = ReplayMemory(ReplayConfig(5), seed=0)
    memory.load(memory.state())
    assert memory.rows.dtype == np.int64 and not len(memory.rows)


def test_bytes_count_samples_and_row_numbers():
    memory = ReplayMemory(ReplayConfig(9), seed=0)
    assert memory.nbytes(100) == 0
    _update(memory, 0)
    assert memory.nbytes(100.5) == round(9 * 100.5) + 9 * 8


def test_tasks_come_in_order():
    memory = ReplayMemory(ReplayConfig(9), seed=0)
    with pytest.raises(ValueError, match="the next is not task 1"):
        _update(memory, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": -1}, "size -1 is negative"),
        ({"policy": "best"}, "policy 'best' is not one of reservoir, random, balanced, herding"),
        ({"balance_by": "label"}, "balance_by 'label' is not one of task, class"),
        ({"balance_by": "group"}, "balance_by 'group' needs policy balanced and budget total"),
        ({"herding": "paper"}, "herding 'paper' is not one of greedy, reference"),
        ({"store": "jpeg"}, "store 'jpeg' is not one of decoded, encoded"),
        ({"budget": "class"}, "budget 'class' is not one of total, per_class"),
        ({"budget": "per_class"}, "budget 'per_class' needs a policy that shares by class: random, balanced"),
        (
            {"policy": "herding", "herding": "reference", "balance_by": "class"},
            "herding 'reference' herds by task",
        ),
    ],
)
def test_wrong_configurations(values, message):
    with pytest.raises(ValueError, match=message):
        ReplayConfig(**values)
