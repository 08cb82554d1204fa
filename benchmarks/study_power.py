"""What a study of n pairs can show, and how often it shows what is not there.

    python benchmarks/study_power.py [--studies 2000]

The first table has the true difference that 80 % of studies show, and how often they show 3 points, by the
standard deviation of the differences between two methods. The second one has how often a study of five equal
methods declares any of them better than another. A method's figures differ by 8 points from order to order,
each method in its own way, and by 4 from seed to seed. In the first column two methods are compared; then,
with Holm's correction, one named beforehand with the four others, all with all, and the one that turned out
best with the four others as if it had been named.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np

from orchestrator.statistics.holm import holm
from orchestrator.statistics.paired_comparison import PairedComparison, compare_pairs
from orchestrator.statistics.power import chance_to_show, detectable_difference

_PAIRS = (6, 8, 10, 15)
_DEVIATIONS = (2, 4, 6, 8, 12)
_METHODS, _BETWEEN_ORDERS, _BETWEEN_SEEDS = 5, 8.0, 4.0


def _power() -> list[list[str]]:
    head = ["deviation", *(f"80 %, n = {n}" for n in _PAIRS), *(f"3 points, n = {n}" for n in _PAIRS)]
    rows = [
        [
            str(deviation),
            *(f"{detectable_difference(n, deviation):.1f}" for n in _PAIRS),
            *(f"{100 * chance_to_show(n, 3, deviation):.0f} %" for n in _PAIRS),
        ]
        for deviation in _DEVIATIONS
    ]
    return [head, *rows]


def _figures(orders: int, seeds: int, draw: np.random.Generator) -> np.ndarray:
    """(methods, orders, seeds) of equal methods."""
    luck = draw.normal(0, _BETWEEN_ORDERS, (_METHODS, orders, 1))
    return luck + draw.normal(0, _BETWEEN_SEEDS, (_METHODS, orders, seeds))


def _any_shown(compared: list[PairedComparison]) -> bool:
    corrected = holm([one.p for one in compared])
    return any(one.shows(p) for one, p in zip(compared, corrected, strict=True))


def _wins(figures: np.ndarray) -> list[bool]:
    """Whether a study shows a difference: between two, named with others, all with all, best with others."""
    compared = {
        (a, b): compare_pairs(figures[a], figures[b]) for a, b in combinations(range(len(figures)), 2)
    }
    best = int(figures.mean(axis=1).argmax())
    of = [[one for pair, one in compared.items() if method in pair] for method in range(len(figures))]
    return [compared[0, 1].shows(), *map(_any_shown, (of[0], list(compared.values()), of[best]))]


def _false_wins(studies: int) -> list[list[str]]:
    rows = [["what is counted as a pair", "two methods", "named with 4", "all 10", "best with 4"]]
    for orders, seeds, of_orders in (
        (8, 1, False),
        (10, 1, False),
        (15, 1, False),
        (3, 5, False),
        (8, 3, True),
    ):
        draw = np.random.default_rng(0)
        found = np.zeros((studies, 4), bool)
        for study in range(studies):
            drawn = _figures(orders, seeds, draw)
            found[study] = _wins(drawn.mean(2) if of_orders else drawn.reshape(_METHODS, -1))
        grid = f"a grid of {seeds} seeds by {orders} orders, "
        what = f"each of {orders} pairs" if seeds == 1 else grid + ("each order" if of_orders else "each run")
        rows.append([what, *(f"{100 * share:.1f} %" for share in found.mean(0))])
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=2000)
    return parser


def main(arguments: list[str] | None = None) -> None:
    studies = _parser().parse_args(arguments).studies
    for rows in (_power(), _false_wins(studies)):
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        print("\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:], ""]))


if __name__ == "__main__":
    main()
