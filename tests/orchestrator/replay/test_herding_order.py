import numpy as np
import pytest

from orchestrator.replay.policies import herding
from orchestrator.replay.policies.herding import herd, herding_order


def _naive(features, labels):
    """iCaRL's algorithm 4 as it is written: the exemplar that brings the mean nearest to the class's."""
    places = np.empty(len(labels), int)
    for c in np.unique(labels):
        rows = np.flatnonzero(labels == c)
        unit = features[rows] / np.linalg.norm(features[rows], axis=1, keepdims=True)
        chosen = []
        for k in range(len(rows)):
            means = (unit[chosen].sum(0) + unit) / (k + 1)
            gap = np.linalg.norm(unit.mean(0) - means, axis=1)
            gap[chosen] = np.inf
            chosen.append(int(gap.argmin()))
        places[rows[chosen]] = np.arange(len(rows))
    return places


@pytest.fixture(params=[np.float64, np.float32])
def case(request):
    rng = np.random.default_rng(0)
    labels = rng.choice(6, 150, p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01]).astype(np.int32)
    return (rng.normal(size=(150, 12)) + rng.normal(size=(6, 12))[labels]).astype(request.param), labels


def test_equals_the_naive_algorithm(case):
    places = herding_order(*case)
    assert places.dtype == np.int32
    assert places.tolist() == _naive(*case).tolist()


def test_a_class_too_large_for_its_products_is_ranked_alike(case, monkeypatch):
    expected = herding_order(*case).tolist()
    monkeypatch.setattr(herding, "_GRAM", 20)
    assert herding_order(*case).tolist() == expected


def test_the_first_of_a_class_are_what_herding_picks_of_it(case):
    features, labels = case
    rows = np.flatnonzero(labels == 1)
    places = herding_order(features, labels)[rows]
    assert rows[np.argsort(places)][:3].tolist() == rows[herd(features[rows], 3)].tolist()


def test_half_precision_and_equal_rows():
    features = np.tile(np.eye(4, dtype=np.float16), (3, 1))
    # Every round of four takes one of each kind, the first of its equals.
    assert herding_order(features, np.zeros(12, int)).tolist() == list(range(12))


def test_no_rows():
    assert herding_order(np.empty((0, 4), np.float32), np.empty(0, int)).tolist() == []
