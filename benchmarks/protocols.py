"""What changes where a study's searches choose by another protocol, and what the orders do.

    python benchmarks/protocols.py END_PAIRS OTHER_PAIRS [--measure seen/accuracy]

Reads the ``pairs.csv`` of two studies of the same methods over the same pairs of seed and order. Prints a
table in Markdown: each method's mean over the pairs under both protocols, and what the second one loses, its
regret: the first study's figure minus the second's, paired, with a 95 % interval and Wilcoxon's p.
Below it are the rank correlation (Spearman) of the methods' means between the protocols, and of each study
Kendall's W, how far the pairs rank the methods alike (1: all alike; of n pairs about 1 / n at random).
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from orchestrator.statistics.paired_comparison import compare_pairs


def figures(path: Path, measure: str) -> dict[str, list[float]]:
    """Method -> its figures in the order of the pairs' numbers."""
    with open(path, newline="", encoding="utf-8") as opened:
        rows = sorted(csv.DictReader(opened), key=lambda row: int(row["pair"]))
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["method"], []).append(float(row[measure]))
    return found


def concordance(found: dict[str, list[float]]) -> float:
    """Kendall's W of the ranks that the pairs give the methods, corrected for ties."""
    ranks = np.array([rankdata(pair) for pair in zip(*found.values(), strict=True)])  # (pairs, methods)
    pairs, methods = ranks.shape
    spread = ((ranks.sum(0) - ranks.sum() / methods) ** 2).sum()
    ties = sum(
        float((count**3 - count).sum()) for count in (np.unique(r, return_counts=True)[1] for r in ranks)
    )
    return float(12 * spread / (pairs**2 * (methods**3 - methods) - pairs * ties))


def lines(first: dict[str, list[float]], second: dict[str, list[float]]) -> list[str]:
    """The table and the sentences below it."""
    if first.keys() != second.keys() or {len(v) for v in first.values()} != {len(v) for v in second.values()}:
        raise SystemExit("the studies differ in their methods or pairs; allowed: the same in both")
    told = ["| method | end-of-stream | the other | lost | p |", "| --- | --- | --- | --- | --- |"]
    for method, own in first.items():
        one = compare_pairs(own, second[method])
        lost = (
            f"{one.difference:.1f} ({one.low:.1f} to {one.high:.1f})"
            if one.differing
            else "0, the same values"
        )
        p = f"{one.p:.3f}" if one.differing else ""
        told.append(f"| {method} | {np.mean(own):.1f} | {np.mean(second[method]):.1f} | {lost} | {p} |")
    means = [[float(np.mean(v)) for v in study.values()] for study in (first, second)]
    told += [
        "",
        f"Rank correlation of the {len(first)} methods' means: {spearmanr(*means).statistic:.2f}",
        f"Kendall's W over the pairs: {concordance(first):.2f} and {concordance(second):.2f}",
    ]
    return told


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, metavar="END_PAIRS")
    parser.add_argument("second", type=Path, metavar="OTHER_PAIRS")
    parser.add_argument("--measure", default="seen/accuracy")
    given = parser.parse_args(arguments)
    print("\n".join(lines(figures(given.first, given.measure), figures(given.second, given.measure))))


if __name__ == "__main__":
    main(sys.argv[1:])
