"""Shares of unequal tasks and classes, in one go and with a restart after each task."""

import itertools

import numpy as np
import pytest

from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.replay.policies import POLICIES
from orchestrator.replay.policy_names import BY_CLASS
from orchestrator.seeding import hashed

SIZES = (60, 12, 30, 6)
STARTS = np.concatenate([[0], np.cumsum(SIZES)])
# Classes 0 and 1 come in the first two tasks, of unequal sizes.
LABELS = np.concatenate([np.arange(60) % 3 == 0, np.arange(12) % 2 == 0, np.full(30, 2), np.full(6, 3)])
LABELS = LABELS.astype(np.int32)
FEATURES = np.random.default_rng(3).normal(size=(STARTS[-1], 4))
LOGITS = np.random.default_rng(5).normal(size=(3, STARTS[-1], 4))


class _Ranker:
    def features(self, rows):
        return FEATURES[rows]

    def logits(self, rows):
        return LOGITS[:, rows]

    def herding(self, rows):
        return None


def _walk(config, restarted, seed=4):
    """What is kept after each task. With ``restarted``, a new memory loads the last one's state before each
    task.
    """
    memory, seen = ReplayMemory(config, seed=seed), []
    for task in range(len(SIZES)):
        if restarted:
            state = {name: array.copy() for name, array in memory.state().items()}
            memory = ReplayMemory(config, seed=seed)
            memory.load(state)
        rows = np.arange(STARTS[task], STARTS[task + 1])
        memory.update(task, rows, LABELS[rows], _Ranker())
        seen.append(memory.rows.tolist())
    return seen


def _allowed():
    for policy, by, budget in itertools.product(POLICIES, ("task", "class", "group"), ("total", "per_class")):
        if by == "group" and (policy, budget) != ("balanced", "total"):
            continue
        if budget == "per_class" and policy == "reservoir":
            continue
        yield ReplayConfig(18 if budget == "total" else 5, policy, balance_by=by, budget=budget)


@pytest.mark.parametrize("config", _allowed(), ids=lambda c: f"{c.policy}-{c.balance_by}-{c.budget}")
def test_a_restart_after_each_task_changes_nothing(config):
    assert _walk(config, restarted=True) == _walk(config, restarted=False)


def _counts(rows):
    return np.histogram(rows, STARTS)[0].tolist()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("policy", ["random", "herding"])
def test_tasks_have_shares_by_what_they_had_not_by_what_is_kept_of_them(policy, restarted):
    counts = [_counts(rows) for rows in _walk(ReplayConfig(18, policy), restarted)]
    # 18 shared as 60 : 12 : 30 : 6.
    assert counts == [[18, 0, 0, 0], [15, 3, 0, 0], [11, 2, 5, 0], [10, 2, 5, 1]]


def test_a_reservoir_keeps_the_largest_keys_of_everything_seen():
    for task, rows in enumerate(_walk(ReplayConfig(18), restarted=False), 1):
        every = np.arange(STARTS[task])
        assert sorted(rows) == sorted(every[np.argsort(~hashed(4, every))[:18]])


@pytest.mark.parametrize("by", ["task", "class", "group"])
def test_equal_shares_are_the_largest_keys_of_each_group(by):
    kept = np.array(_walk(ReplayConfig(12, "balanced", balance_by=by), restarted=False)[-1])
    rows = np.arange(STARTS[-1])
    task = np.searchsorted(STARTS, rows, side="right") - 1
    group = {"task": task, "class": LABELS, "group": 10 * task + LABELS}[by]
    expected = {"task": [3] * 4, "class": [3] * 4, "group": [2] * 6}[by]
    assert np.unique(group[kept], return_counts=True)[1].tolist() == expected
    for number, share in zip(np.unique(group), expected, strict=True):
        own = rows[group == number]
        best = own[np.argsort(~hashed(4, own))[:share]]
        assert sorted(kept[group[kept] == number]) == sorted(best)


@pytest.mark.parametrize("policy", ["random", "balanced"])
@pytest.mark.parametrize("seed", [0, 4])
def test_a_budget_per_class_keeps_the_largest_keys_of_each_class_best_first(policy, seed):
    config = ReplayConfig(5, policy, balance_by="class", budget="per_class")
    rows = np.array(_walk(config, restarted=False, seed=seed)[-1])
    for label in range(4):
        own = np.flatnonzero(label == LABELS)
        kept = rows[LABELS[rows] == label]
        assert sorted(kept) == sorted(own[np.argsort(~hashed(seed, own))[:5]])
        for low, high in itertools.pairwise(STARTS):  # within its task
            inside = kept[(kept >= low) & (kept < high)]
            assert (np.diff(hashed(seed, inside).astype(float)) < 0).all()


def test_a_budget_per_class_counts_every_class_and_a_total_is_divided():
    for policy in (name for name in POLICIES if name != "reservoir"):
        each = ReplayConfig(5, policy, budget="per_class")
        assert np.bincount(LABELS[_walk(each, False)[-1]]).tolist() == [5, 5, 5, 5]
        if policy in BY_CLASS or policy in ("random", "herding"):
            total = ReplayConfig(10, policy, balance_by="class")
            assert np.bincount(LABELS[_walk(total, False)[-1]]).tolist() == [2, 2, 2, 2]


def test_a_memory_of_nothing_keeps_nothing_and_counts_the_tasks():
    memory = ReplayMemory(ReplayConfig(0), seed=0)
    for task in range(2):
        rows = np.arange(STARTS[task], STARTS[task + 1])
        memory.update(task, rows, LABELS[rows], None)  # nobody is asked
        assert memory.rows.tolist() == [] and memory.nbytes(1000.0) == 0
    assert memory.state()["tasks"].tolist() == [[0, 60], [0, 12]]
