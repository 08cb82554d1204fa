"""What changes where a study's searches choose by another protocol, and what the orders do.

    python benchmarks/protocols.py END_PAIRS OTHER_PAIRS [--measure seen/accuracy]

Reads the ``pairs.csv`` of two studies of the same methods on one stream, over the same pairs of seed and
order. Prints a table in Markdown: each method's mean over the pairs under both protocols, and the first
study's figure minus the second's, paired, with a 95 % interval and Wilcoxon's p. Where more is better,
that is what the second protocol loses, its regret. Below it are the rank correlation (Spearman) of the
methods' means between the protocols, and of each study Kendall's W, how far the pairs rank the methods
alike (1: all alike; of n pairs about 1 / n at random).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from orchestrator.statistics.paired_comparison import compare_pairs

Figures = dict[str, dict[tuple[str, str, str], float]]
"""Method -> (pair, seed, order) -> figure."""


def figures(path: Path, measure: str) -> Figures:
    """Reads a study's pairs.

    Args:
        path: Its ``pairs.csv``.
        measure: The column.

    Raises:
        SystemExit: There is no such column, a figure is missing, there are several streams, or the methods
            have different pairs.
    """
    with open(path, newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    if not rows or measure not in rows[0]:
        raise SystemExit(f"{path}: has no {measure}; allowed: {', '.join(rows[0] if rows else ())}")
    if len(streams := {row["stream"] for row in rows}) > 1:
        raise SystemExit(f"{path}: has the streams {', '.join(sorted(streams))}; allowed: one")
    found: Figures = {}
    for row in rows:
        if row[measure] in ("", "nan"):
            raise SystemExit(
                f"{path}: {row['method']} has no {measure} with pair {row['pair']}; allowed: one"
            )
        pair = row["pair"], row["seed"], row["order"]
        found.setdefault(row["method"], {})[pair] = float(row[measure])
    if len({frozenset(own) for own in found.values()}) > 1:
        raise SystemExit(f"{path}: its methods have different pairs; allowed: the same")
    return found


def concordance(found: Figures) -> float:
    """Kendall's W of the ranks that the pairs give the methods, corrected for ties."""
    pairs_of = next(iter(found.values()))
    ranks = np.array(
        [rankdata([own[pair] for own in found.values()]) for pair in pairs_of]
    )  # (pairs, methods)
    pairs, methods = ranks.shape
    spread = ((ranks.sum(0) - ranks.sum() / methods) ** 2).sum()
    ties = sum(
        float((count**3 - count).sum()) for count in (np.unique(r, return_counts=True)[1] for r in ranks)
    )
    return float(12 * spread / (pairs**2 * (methods**3 - methods) - pairs * ties))


def lines(first: Figures, second: Figures) -> list[str]:
    """The table and the sentences below it, in the first study's order of methods.

    Raises:
        SystemExit: The studies have other methods or other pairs, or fewer than two methods.
    """
    pairs = sorted(next(iter(first.values())), key=lambda pair: int(pair[0]))
    if first.keys() != second.keys() or set(pairs) != set(next(iter(second.values()))) or len(first) < 2:
        raise SystemExit(
            "the studies differ in their methods or pairs; allowed: the same, of two methods or more"
        )
    told = ["| method | the first | the second | first - second | p |", "| --- | --- | --- | --- | --- |"]
    means = []
    for method in first:
        both = [[study[method][pair] for pair in pairs] for study in (first, second)]
        means.append([float(np.mean(own)) for own in both])
        one = compare_pairs(*both)
        lost = (
            f"{one.difference:.1f} ({one.low:.1f} to {one.high:.1f})"
            if one.differing
            else "0, the same values"
        )
        p = f"{one.p:.3f}" if one.differing else ""
        told.append(f"| {method} | {means[-1][0]:.1f} | {means[-1][1]:.1f} | {lost} | {p} |")
    alike = spearmanr(*np.transpose(means)).statistic
    return [
        *told,
        "",
        f"Rank correlation of the {len(first)} methods' means: {alike:.2f}",
        f"Kendall's W over the pairs: {concordance(first):.2f} and {concordance(second):.2f}",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, metavar="END_PAIRS")
    parser.add_argument("second", type=Path, metavar="OTHER_PAIRS")
    parser.add_argument("--measure", default="seen/accuracy")
    return parser


def main(arguments: list[str]) -> None:
    given = _parser().parse_args(arguments)
    print("\n".join(lines(figures(given.first, given.measure), figures(given.second, given.measure))))


if __name__ == "__main__":
    main(sys.argv[1:])
