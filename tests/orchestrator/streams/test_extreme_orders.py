"""The orders in which tasks that follow each other are least and most alike."""

import itertools

import numpy as np
import pytest

from orchestrator.streams.extreme_orders import extreme_orders

pytestmark = pytest.mark.unit


def _similarity(count, seed=3):
    rows = np.random.default_rng(seed).normal(size=(count, 4))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ rows.T


def _mean(similarity, order, sizes):
    stops = np.cumsum([0, *sizes])
    tasks = [order[start:stop] for start, stop in itertools.pairwise(stops)]
    values = [similarity[m, n] for one, other in itertools.pairwise(tasks) for m in one for n in other]
    return np.mean(values)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1, 1), (2, 2, 2), (4, 1, 2)], ids=["tasks", "even", "uneven"])
def test_they_are_the_ends_of_all_orders(sizes):
    similarity = _similarity(sum(sizes))
    found = extreme_orders(similarity, sizes)
    every = [_mean(similarity, order, sizes) for order in itertools.permutations(range(sum(sizes)))]
    assert _mean(similarity, found.worst, sizes) == pytest.approx(min(every)) == found.similarity["worst"]
    assert _mean(similarity, found.best, sizes) == pytest.approx(max(every)) == found.similarity["best"]
    assert found.similarity["random"] == pytest.approx(np.mean(every), abs=0.1)
    assert sorted(found.worst) == sorted(found.best) == list(range(sum(sizes)))


def test_the_same_input_gives_the_same_orders_and_a_task_has_its_classes_in_their_order():
    similarity = _similarity(9)
    found = extreme_orders(similarity, (3, 3, 3))
    assert found == extreme_orders(similarity, (3, 3, 3))
    assert all(list(found.worst[k : k + 3]) == sorted(found.worst[k : k + 3]) for k in (0, 3, 6))


def test_forty_classes_are_told_apart_better_than_by_chance():
    similarity = _similarity(40)
    found = extreme_orders(similarity, (10,) * 4).similarity
    assert found["worst"] < found["random"] - 0.1 and found["best"] > found["random"] + 0.1


def test_where_all_orders_are_alike_there_are_none():
    assert extreme_orders(_similarity(2), (1, 1)) is None
    assert extreme_orders(_similarity(3), (3,)) is None
