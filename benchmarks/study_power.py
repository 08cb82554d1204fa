"""What a study of n pairs can show, and how often it shows what is not there.

    python benchmarks/study_power.py [--studies 2000]

The first table has the true difference that 80 % of studies show, and how often they show 3 points, by the
standard deviation of the differences between two methods. The second one has how often a study of five equal
methods declares any of them better than another. A method's figures differ by 8 points from order to order,
each method in its own way, and by 4 from seed to seed. In the first column two methods are compared. The
other columns have Holm's correction: one method named beforehand is compared with the four others; all are
compared with all; and the method that turned out best is compared with the four others as if it had been
named beforehand.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import combinations

import numpy as np

from orchestrator.statistics.holm import holm
from orchestrator.statistics.paired_comparison import PairedComparison, compare_pairs
from orchestrator.statistics.power import chance_to_show, detectable_difference

_PAIRS = (6, 8, 10, 15)
_DEVIATIONS = (2, 4, 6, 8, 12)
_METHODS, _BETWEEN_ORDERS, _BETWEEN_SEEDS = 5, 8.0, 4.0


def _power() -> list[list[str]]:
    rows = [["deviation", *(f"{what}, n = {n}" for what in ("80 %", "3 points") for n in _PAIRS)]]
    for deviation in _DEVIATIONS:
        least = [f"{detectable_difference(n, deviation):.1f}" for n in _PAIRS]
        chance = [f"{100 * chance_to_show(n, 3, deviation):.0f} %" for n in _PAIRS]
        rows.append([str(deviation), *least, *chance])
    return rows


def _figures(orders: int, seeds: int, draw: np.random.Generator) -> np.ndarray:
    """(methods, orders, seeds) of equal methods."""
    luck = draw.normal(0, _BETWEEN_ORDERS, (_METHODS, orders, 1))
    return luck + draw.normal(0, _BETWEEN_SEEDS, (_METHODS, orders, seeds))


def _any_shown(compared: list[PairedComparison]) -> bool:
    return any(map(PairedComparison.shows, compared, holm([one.p for one in compared])))


def _wins(figures: np.ndarray) -> np.ndarray:
    """From (methods, n), whether a difference is shown in each column of the second table."""
    pairs = combinations(range(len(figures)), 2)
    compared = {(a, b): compare_pairs(figures[a], figures[b]) for a, b in pairs}
    best = int(figures.mean(axis=1).argmax())
    of = [[one for pair, one in compared.items() if method in pair] for method in range(len(figures))]
    return np.array([compared[0, 1].shows(), *map(_any_shown, (of[0], list(compared.values()), of[best]))])


def _by_run(drawn: np.ndarray) -> np.ndarray:
    return _wins(drawn.reshape(len(drawn), -1))


_COUNTED: dict[str, tuple[int, int, Callable[[np.ndarray], np.ndarray]]] = {
    "each of 8 pairs": (8, 1, _by_run),
    "each of 10 pairs": (10, 1, _by_run),
    "each of 15 pairs": (15, 1, _by_run),
    "each of 8 pairs, and of 16 where 8 show nothing": (16, 1, lambda d: _by_run(d[:, :8]) | _by_run(d)),
    "a grid of 5 seeds by 3 orders, each run": (3, 5, _by_run),
    "a grid of 3 seeds by 8 orders, each order": (8, 3, lambda drawn: _wins(drawn.mean(axis=2))),
}


def _false_wins(studies: int) -> list[list[str]]:
    rows = [["what is counted as a pair", "two methods", "named with 4", "all 10", "best with 4"]]
    for what, (orders, seeds, wins) in _COUNTED.items():
        draw = np.random.default_rng(0)
        found = np.mean([wins(_figures(orders, seeds, draw)) for _ in range(studies)], axis=0)
        rows.append([what, *(f"{100 * share:.1f} %" for share in found)])
    return rows


def _parser() -> argparse.ArgumentParser:
    shown = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shown)
    parser.add_argument("--studies", type=int, default=2000)
    return parser


def main(arguments: list[str] | None = None) -> None:
    studies = _parser().parse_args(arguments).studies
    for rows in (_power(), _false_wins(studies)):
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        print("\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:], ""]))


if __name__ == "__main__":
    main()
