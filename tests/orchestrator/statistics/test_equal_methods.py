"""Studies of equal methods: how often one is said to be better than another.

The figure of a run is a method's own luck with the order, of 8 points, and with the seed, of 4.
"""

from itertools import combinations

import numpy as np
import pytest

from orchestrator.statistics.holm import holm
from orchestrator.statistics.independent_values import independent_values
from orchestrator.statistics.paired_comparison import compare_pairs

_STUDIES, _METHODS = 1000, "abcde"


def _study(draw, orders, seeds, own_seed=True):
    """Method -> (order, seed) -> figure; ``own_seed``: no seed comes twice."""
    runs = [
        (order, order * seeds + seed if own_seed else seed)
        for order in range(orders)
        for seed in range(seeds)
    ]
    return {
        method: {
            run: luck[run[0]] + noise for run, noise in zip(runs, draw.normal(0, 4, len(runs)), strict=True)
        }
        for method in _METHODS
        for luck in [draw.normal(0, 8, orders)]
    }


def _any(values, compared):
    found = [compare_pairs(values[a], values[b]) for a, b in compared]
    return any(one.shows(p) for one, p in zip(found, holm([one.p for one in found]), strict=True))


_NAMED = [("a", other) for other in "bcde"]  # a was named beforehand
_ALL = list(combinations(_METHODS, 2))


@pytest.mark.parametrize(("pairs", "compared"), [(8, _NAMED), (10, _ALL)], ids=["named", "all"])
def test_over_pairs_at_most_5_in_100_studies_have_a_winner(pairs, compared):
    draw, wins = np.random.default_rng(0), 0
    for _ in range(_STUDIES):
        values = independent_values(_study(draw, pairs, 1)).values
        assert len(values["a"]) == pairs
        wins += _any(values, compared)
    assert 0.01 < wins / _STUDIES <= 0.05


def test_a_grid_counted_as_pairs_finds_winners_and_reduced_to_orders_none():
    """Five seeds by three orders: fifteen runs, three orders."""
    draw, counted, reduced = np.random.default_rng(0), 0, 0
    for _ in range(_STUDIES // 2):
        study = _study(draw, 3, 5, own_seed=False)
        found = independent_values(study)
        assert (found.n, found.over) == (3, "3 orders, each the mean of 5 seeds")
        counted += _any({method: list(runs.values()) for method, runs in study.items()}, _NAMED)
        reduced += _any(found.values, _NAMED)
    assert counted / (_STUDIES // 2) > 0.5
    assert reduced == 0


def test_a_grid_of_eight_orders_is_tested_by_their_means():
    draw, wins = np.random.default_rng(0), 0
    for _ in range(_STUDIES):
        found = independent_values(_study(draw, 8, 3, own_seed=False))
        wins += compare_pairs(found.values["a"], found.values["b"]).shows()
    assert 0.02 < wins / _STUDIES <= 0.05
