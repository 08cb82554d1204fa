"""Ranks features in classes by herding, and ranks one class by the algorithm written out.

python benchmarks/herding.py [--rows 50000] [--width 512] [--classes 100]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from orchestrator.replay.policies.herding import herding_order


def _written_out(features: np.ndarray) -> list[int]:
    """iCaRL's algorithm 4 on one class: each pick looks at every row that is left."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    mean, total, order = unit.mean(0), np.zeros(unit.shape[1]), []
    left = list(range(len(unit)))
    while left:
        distance = np.linalg.norm(mean - (total + unit[left]) / (len(order) + 1), axis=1)
        order.append(left.pop(int(distance.argmin())))
        total += unit[order[-1]]
    return order


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100)
    return parser


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(given.rows) % given.classes)
    features = rng.standard_normal((given.rows, given.width)).astype(np.float32)
    began = time.perf_counter()
    herding_order(features, labels)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    _written_out(features[labels == 0])
    theirs = (time.perf_counter() - began) * given.classes
    print(f"{given.rows} features of {given.width}, {given.classes} classes: {ours:.1f} s")
    print(f"written out, one class times {given.classes}: {theirs:.0f} s, {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
