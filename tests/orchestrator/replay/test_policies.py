from pathlib import Path

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.replay.config import ReplayConfig, check_memory
from orchestrator.replay.memory import ReplayMemory
from orchestrator.replay.policies import POLICIES
from orchestrator.replay.policies.herding import herd, herding_order
from orchestrator.replay.policies.quota import quota
from orchestrator.seeding import hashed

GOLDEN = Path(__file__).parents[2] / "golden" / "ctp_herding.npz"
CLAP = Path(__file__).parents[2] / "golden" / "clap_select.npz"
SIZES = (30, 20, 25, 5)
STARTS = np.concatenate([[0], np.cumsum(SIZES)])
FEATURES = np.random.default_rng(3).normal(size=(sum(SIZES), 4))
LABELS = np.random.default_rng(4).choice(5, sum(SIZES), p=[0.6, 0.2, 0.1, 0.05, 0.05]).astype(np.int32)


CLASSES = np.repeat([0, 1, 2, 3, 4], [20, 10, 20, 25, 5]).astype(np.int32)  # tasks 0 1 | 2 | 3 | 4
LOGITS = np.random.default_rng(5).normal(size=(3, sum(SIZES), 5))
TASK_WISE = ["reservoir", "random", "balanced", "herding"]


class _Ranker:
    """Fixed features and logits. ``shared``: ranks that were computed for all trials."""

    def __init__(self, logits=LOGITS, shared=None):
        self.rows, self._logits, self._shared = [], logits, shared

    def features(self, rows):
        self.rows.append(rows)
        return FEATURES[rows]

    def logits(self, rows):
        self.rows.append(rows)
        return self._logits[:, rows]

    def herding(self, rows):
        return None if self._shared is None else self._shared[rows]


def _walk(config, seed=0, ranker=None, labels=LABELS):
    memory, seen = ReplayMemory(config, seed=seed), []
    ranker = ranker or _Ranker()
    for k in range(len(SIZES)):
        rows = np.arange(STARTS[k], STARTS[k + 1])
        memory.update(k, rows, labels[rows], ranker)
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


@pytest.mark.parametrize("policy", TASK_WISE)
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
    ranker = _Ranker()
    last = _walk(ReplayConfig(24, policy), seed=5, ranker=ranker)[-1]
    assert not ranker.rows
    for k in range(len(SIZES)):
        rows = np.arange(STARTS[k], STARTS[k + 1])
        order = rows[np.argsort(hashed(5, rows))[::-1]]
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


def test_balancing_by_group_gives_each_group_of_each_task_its_share():
    kept = _walk(ReplayConfig(40, "balanced", balance_by="group"), labels=LABELS % 2)[-1]
    task = np.searchsorted(STARTS, kept, side="right") - 1
    counts = np.bincount(2 * task + LABELS[kept] % 2, minlength=8)
    whole = np.bincount(
        2 * np.repeat(np.arange(len(SIZES)), SIZES) + LABELS % 2, minlength=8
    )  # what a small group cannot fill goes to the others
    assert counts.sum() == 40 and (counts <= whole).all()
    assert counts[counts < whole].max() - counts[counts < whole].min() <= 1


def test_reservoirs_nest_and_merge():
    small, large = (set(_walk(ReplayConfig(size), seed=2)[-1].tolist()) for size in (6, 20))
    assert small < large
    rows = np.arange(STARTS[-1])
    parts = []
    for part in (rows[::2], rows[1::2]):
        memory = ReplayMemory(ReplayConfig(20), seed=2)
        memory.update(0, part, LABELS[part], None)
        parts.append(memory.rows)
    merged = np.concatenate(parts)
    assert set(merged[np.argsort(hashed(2, merged))[-20:]].tolist()) == large


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


@pytest.mark.parametrize("case", ["a", "first"])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("first", "first_n"),
        ("logit-herding", "herding"),
        ("entropy", "entropy"),
        ("distance", "distance"),
        ("energy", "energy"),
        ("variance", "variance"),
    ],
)
def test_policies_by_logits_pick_what_clap4clips_released_code_picks(case, policy, expected):
    with np.load(CLAP) as golden:
        found = {name.split(".")[2]: golden[name] for name in golden if name.startswith(f"select.{case}.")}
    labels, stored, quota = (found[name] for name in ("labels", "n_memory", "quota"))
    memory = ReplayMemory(ReplayConfig(int(quota), policy, budget="per_class"), seed=0)
    ranker = _Ranker(found["logits"])
    rows = np.arange(len(labels))
    parts = [rows[:stored], rows[stored:]] if stored else [rows]
    if stored:
        tasks = np.array([[len(parts[0]), len(parts[0])]])
        memory.load({"rows": parts[0], "labels": labels[:stored], "tasks": tasks})
    memory.update(len(parts) - 1, parts[-1], labels[parts[-1]], ranker)
    assert found["ids"][memory.rows].tolist() == found[f"out_{expected}"].tolist()


@pytest.mark.parametrize("policy", [name for name in POLICIES if name != "reservoir"])
@pytest.mark.parametrize(("size", "budget"), [(21, "total"), (4, "per_class")])
def test_shares_of_classes(policy, size, budget):
    config = ReplayConfig(size, policy, balance_by="class", budget=budget)
    counts = [np.bincount(CLASSES[rows], minlength=5).tolist() for rows in _walk(config, labels=CLASSES)]
    if budget == "per_class":
        assert counts == [[4, 4, 0, 0, 0], [4, 4, 4, 0, 0], [4, 4, 4, 4, 0], [4, 4, 4, 4, 4]]
    elif policy == "balanced":  # nothing stays empty
        assert [sum(row) for row in counts] == [21] * 4
    else:
        assert counts == [[10, 10, 0, 0, 0], [7, 7, 7, 0, 0], [5, 5, 5, 5, 0], [4, 4, 4, 4, 4]]


@pytest.mark.parametrize("policy", ["first", "random", "herding"])
def test_policies_that_no_model_changes_cut_the_lists_of_past_classes(policy):
    ranker = _Ranker()
    first, *_, last = _walk(ReplayConfig(20, policy, balance_by="class"), ranker=ranker, labels=CLASSES)
    for k in (0, 1):
        assert last[CLASSES[last] == k].tolist() == first[CLASSES[first] == k][:4].tolist()
    assert len(np.unique(np.concatenate([[], *ranker.rows]))) == sum(map(len, ranker.rows))


def test_the_first_of_each_class_in_the_order_of_the_data_set():
    last = _walk(ReplayConfig(10, "first"), labels=CLASSES)[-1]
    assert last.tolist() == [0, 1, 20, 21, 30, 31, 50, 51, 75, 76]


def test_past_classes_are_chosen_anew_with_the_present_model():
    memory = ReplayMemory(ReplayConfig(4, "energy", budget="per_class"), seed=0)
    rows = np.arange(STARTS[2])
    memory.update(0, rows[:30], CLASSES[:30], _Ranker())
    before = memory.rows
    # The present model finds an old class's last kept row lowest.
    logits = LOGITS.copy()
    logits[:, before[3]] -= 100
    ranker = _Ranker(logits)
    memory.update(1, rows[30:], CLASSES[30:50], ranker)
    assert memory.rows[:4].tolist() == [before[3], *before[:3]]
    assert ranker.rows[0].tolist() == [*before, *rows[30:]]


def test_a_shared_ranking_is_cut_to_the_first_of_each_class_and_nothing_is_computed():
    places = herding_order(FEATURES, CLASSES)
    for size in (5, 23):
        config = ReplayConfig(size, "herding", balance_by="class")
        ranker = _Ranker(shared=places)
        shared = _walk(config, ranker=ranker, labels=CLASSES)
        assert not ranker.rows
        for kept, computed in zip(shared, _walk(config, labels=CLASSES), strict=True):
            assert kept.tolist() == computed.tolist()
        assert (places[shared[-1]] < size // 5).all()


def test_a_class_that_comes_again_is_herded_again():
    memory = ReplayMemory(ReplayConfig(10, "herding", balance_by="class"), seed=0)
    memory.update(0, np.arange(30), np.zeros(30, np.int32), _Ranker())
    kept = memory.rows
    assert kept.tolist() == herd(FEATURES[:30], 10).tolist()
    memory.update(1, np.arange(30, 50), np.zeros(20, np.int32), _Ranker())
    candidates = np.concatenate([kept, np.arange(30, 50)])
    expected = candidates[herd(FEATURES[candidates], 10)]
    assert sorted(memory.rows) == sorted(expected)


def test_variance_needs_several_samples():
    with pytest.raises(UserError, match="replay.policy=variance needs a method that draws several samples"):
        _walk(ReplayConfig(10, "variance"), ranker=_Ranker(LOGITS[:1]), labels=CLASSES)


@pytest.mark.parametrize(
    ("config", "classes", "scenario", "message"),
    [
        (
            ReplayConfig(9, "first"),
            10,
            "recognition",
            "replay.size=9 is less than .* 10 classes: .* 10 or more",
        ),
        (ReplayConfig(9, "random", balance_by="class"), 10, "recognition", "replay.size=9 is less than"),
        (ReplayConfig(9, "balanced", balance_by="class"), 10, "recognition", "replay.size=9 is less than"),
        (
            ReplayConfig(99, "entropy"),
            10,
            "retrieval",
            "replay.policy=entropy ranks by class logits.* random",
        ),
        (
            ReplayConfig(9, "balanced", balance_by="group"),
            1,
            "retrieval",
            "replay.balance_by=group shares by",
        ),
        (ReplayConfig(9, "balanced", balance_by="group"), 99, "vqa", None),
        (ReplayConfig(10, "first"), 10, "recognition", None),
        (ReplayConfig(0, "entropy"), 10, "retrieval", None),
        (ReplayConfig(1, "energy", budget="per_class"), 10, "recognition", None),
        (ReplayConfig(9, "random"), 10, "recognition", None),
        (ReplayConfig(9, "balanced", balance_by="class"), 10, "retrieval", None),
    ],
)
def test_a_memory_that_cannot_serve_a_stream_is_one_line(config, classes, scenario, message):
    if message is None:
        check_memory(config, classes, scenario)
        return
    with pytest.raises(UserError, match=message) as caught:
        check_memory(config, classes, scenario)
    assert "\n" not in str(caught.value)


def test_the_most_a_memory_holds():
    assert ReplayConfig(30, "first").most(100) == 30
    assert ReplayConfig(30, "first", budget="per_class").most(100) == 3000
