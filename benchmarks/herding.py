"""Ranks 50,000 features of width 512 in 100 classes by herding, and by the algorithm written out.

``python benchmarks/herding.py``
"""

from __future__ import annotations

import time

import numpy as np

from orchestrator.replay.policies.herding import herding_order

_ROWS, _WIDTH, _CLASSES = 50_000, 512, 100


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


def main() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(_ROWS) % _CLASSES)
    features = rng.standard_normal((_ROWS, _WIDTH)).astype(np.float32)
    began = time.perf_counter()
    herding_order(features, labels)
    ours = time.perf_counter() - began
    began = time.perf_counter()
    _written_out(features[labels == 0])
    theirs = (time.perf_counter() - began) * _CLASSES
    print(f"{_ROWS} features of {_WIDTH}, {_CLASSES} classes: {ours:.1f} s")
    print(f"written out, one class times {_CLASSES}: {theirs:.0f} s, {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
