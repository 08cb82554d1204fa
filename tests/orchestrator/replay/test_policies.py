from pathlib import Path

import numpy as np
import pytest

from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.keys import keys
from orchestrator.replay.memory import ReplayMemory
from orchestrator.replay.policies import POLICIES
from orchestrator.replay.policies.herding import herd
from orchestrator.replay.policies.quota import quota

GOLDEN = Path(__file__).parents[2] / "golden" / "ctp_herding.npz"
SIZES = (30, 20, 25, 5)
STARTS = np.concatenate([[0], np.cumsum(SIZES)])
FEATURES = np.random.default_rng(3).normal(size=(sum(SIZES), 4))
LABELS = np.random.default_rng(4).choice(5, sum(SIZES), p=[0.6, 0.2, 0.1, 0.05, 0.05]).astype(np.int32)


def _features(rows):
    return FEATURES[rows]


def _no_features(rows):
    raise AssertionError("this policy needs no features")


def _walk(config, seed=0, features=_features):
    memory, seen = ReplayMemory(config, seed=seed), []
    for k in range(len(SIZES)):
        rows = np.arange(STARTS[k], STARTS[k + 1])
        memory.update(k, rows, LABELS[rows], features)
        seen.append(memory.rows)
    return seen


def _counts(rows):
    return np.histogram(rows, STARTS)[0].tolist()


@pytest.mark.parametrize("n", [0, 1, 2])
def test_herding_picks_what_the_released_code_picks(n):
    with np.load(GOLDEN) as golden:
        features, count = golden[f"herding.{n}.features"], int(golden[f"herding.{n}.quota"])
        selected, order = golden[f"herding.{n}.out_selected"], golden[f"herding.{n}.out_order"]
        repeats = int(golden[f"herding.{n}.repeated_picks"])
    assert herd(features, count, "reference").tolist() == selected.tolist()
    if not repeats:
        assert herd(features, count).tolist() == order.tolist()


def test_greedy_herding_follows_the_definition_where_the_reference_repeats_itself():
    with np.load(GOLDEN) as golden:
        features, count = golden["herding.1.features"], int(golden["herding.1.quota"])
        assert golden["herding.1.repeated_picks"] > 0
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    target, chosen = unit.mean(0), []
    for k in range(count):
        scores = unit @ ((k + 1) * target - unit[chosen].sum(0))
        scores[chosen] = -np.inf
        chosen.append(int(scores.argmax()))
    assert herd(features, count).tolist() == chosen
    assert herd(features, 4).tolist() == chosen[:4]


def test_reference_herding_ends_where_the_released_code_would_not():
    # The mean of two opposite pairs is 0: from then on the same rows win for ever.
    features = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    assert herd(features, 4, "reference").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("capacity", "weights", "limits", "expected"),
    [
        (10, [1, 1, 1], [9, 9, 9], [4, 3, 3]),
        (10, [6, 3, 1], [9, 9, 9], [6, 3, 1]),
        (10, [1, 1, 1], [1, 9, 9], [1, 5, 4]),
        (10, [1, 1, 1], [1, 2, 3], [1, 2, 3]),
        (2, [1, 1, 5], [9, 9, 9], [0, 0, 2]),
        (10, [100, 1, 1], [2, 3, 9], [2, 3, 5]),
    ],
)
def test_quota(capacity, weights, limits, expected):
    assert quota(capacity, np.array(weights, float), np.array(limits)).tolist() == expected


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_a_memory_is_full_of_distinct_rows_of_the_past_and_never_takes_back_what_it_dropped(policy, size):
    before = np.empty(0, np.int64)
    for k, rows in enumerate(_walk(ReplayConfig(size, policy))):
        assert len(rows) == len(np.unique(rows)) == min(size, STARTS[k + 1])
        assert rows.max() < STARTS[k + 1]
        assert set(rows[rows < STARTS[k]]) <= set(before)
        before = rows


@pytest.mark.parametrize("policy", ["reservoir", "random", "balanced"])
def test_policies_that_draw_at_random_keep_the_first_of_each_tasks_random_order(policy):
    last = _walk(ReplayConfig(24, policy), seed=5, features=_no_features)[-1]
    for k in range(len(SIZES)):
        rows = np.arange(STARTS[k], STARTS[k + 1])
        order = rows[np.argsort(keys(5, rows))[::-1]]
        kept = last[(last >= STARTS[k]) & (last < STARTS[k + 1])]
        assert kept.tolist() == order[: len(kept)].tolist()


def test_shares_of_tasks():
    assert _counts(_walk(ReplayConfig(16, "random"))[-1]) == [6, 4, 5, 1]
    assert _counts(_walk(ReplayConfig(16, "herding"))[-1]) == [6, 4, 5, 1]
    assert _counts(_walk(ReplayConfig(16, "balanced"))[-1]) == [4, 4, 4, 4]
    assert _counts(_walk(ReplayConfig(40, "balanced"))[-1]) == [12, 12, 11, 5]


def test_balancing_by_class():
    kept = _walk(ReplayConfig(15, "balanced", balance_by="class"))[-1]
    assert np.bincount(LABELS[kept], minlength=5).tolist() == [3, 3, 3, 3, 3]


def test_reservoirs_nest_and_merge():
    small, large = (set(_walk(ReplayConfig(size), seed=2)[-1].tolist()) for size in (6, 20))
    assert small < large
    rows = np.arange(STARTS[-1])
    parts = []
    for part in (rows[::2], rows[1::2]):
        memory = ReplayMemory(ReplayConfig(20), seed=2)
        memory.update(0, part, LABELS[part], _no_features)
        parts.append(memory.rows)
    merged = np.concatenate(parts)
    assert set(merged[np.argsort(keys(2, merged))[-20:]].tolist()) == large


def test_a_reservoir_is_a_uniform_sample_of_everything_seen():
    times = np.zeros(STARTS[-1])
    for seed in range(600):
        times[_walk(ReplayConfig(16), seed=seed)[-1]] += 1
    # Each row is kept with probability 16 / 80: 120 times of 600, standard deviation 9.8.
    assert times.min() > 120 - 45 and times.max() < 120 + 45
    assert abs(times[:30].mean() - 120) < 5


def test_herding_cuts_a_past_list_to_its_best():
    first, *_, last = _walk(ReplayConfig(16, "herding"))
    assert first.tolist() == herd(FEATURES[:30], 16).tolist()
    assert last[:6].tolist() == first[:6].tolist()
    reference = _walk(ReplayConfig(16, "herding", herding="reference"))[-1]
    assert reference[:6].tolist() == herd(FEATURES[:30], 16, "reference")[:6].tolist()
