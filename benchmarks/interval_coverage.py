"""How often an interval of 95 % holds the true mean difference, and how wide it is.

    python benchmarks/interval_coverage.py [--studies 4000] [--resamples 1000]

Differences are normal, heavy-tailed (Student's t with 3 degrees of freedom) and skewed (exponential). The
intervals are Student's t, which studies have, and the bootstrap over pairs: by percentiles, BCa (Efron, JASA
1987) and bootstrap-t. The median width is printed, in standard deviations of normal differences.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.special import ndtr, ndtri

from orchestrator.statistics.summary import summarise

_PAIRS = (6, 8, 10, 15)
_ENDS = np.array([0.025, 0.975])
_DRAWN: dict[str, tuple[Callable[[np.random.Generator, int], np.ndarray], float]] = {
    "normal": (lambda draw, n: draw.standard_normal(n), 0.0),
    "heavy-tailed": (lambda draw, n: draw.standard_t(3, n), 0.0),
    "skewed": (lambda draw, n: draw.standard_exponential(n), 1.0),
}


def _intervals(values: np.ndarray, resamples: int, draw: np.random.Generator) -> np.ndarray:
    """(4, 2): t, percentiles, BCa, bootstrap-t."""
    n, mean = len(values), values.mean()
    again = values[draw.integers(0, n, (resamples, n))]
    means = again.mean(1)
    t = summarise(values.tolist())
    middle = ndtri(np.clip(((means < mean).mean() + (means <= mean).mean()) / 2, 1e-6, 1 - 1e-6))
    without = (values.sum() - values) / (n - 1)
    apart = without.mean() - without
    acceleration = (apart**3).sum() / (6 * (apart**2).sum() ** 1.5)
    z = middle + ndtri(_ENDS)
    bca = np.quantile(means, ndtr(middle + z / (1 - acceleration * z)))
    errors = again.std(1, ddof=1) / np.sqrt(n)
    varied = errors > 0
    studentised = np.quantile((means[varied] - mean) / errors[varied], _ENDS[::-1])
    bootstrap_t = mean - studentised * t.deviation / np.sqrt(n)
    return np.stack([[t.low, t.high], np.quantile(means, _ENDS), bca, bootstrap_t])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--resamples", type=int, default=1000)
    return parser


def main(arguments: list[str] | None = None) -> None:
    asked = _parser().parse_args(arguments)
    print("| differences | n | Student's t | percentiles | BCa | bootstrap-t | widths |")
    print("|" + " --- |" * 7)
    for kind, (drawn, true) in _DRAWN.items():
        for n in _PAIRS:
            draw = np.random.default_rng(0)
            found = [_intervals(drawn(draw, n), asked.resamples, draw) for _ in range(asked.studies)]
            low, high = np.moveaxis(np.array(found), -1, 0)
            held = [f"{100 * share:.1f} %" for share in ((low <= true) & (true <= high)).mean(0)]
            widths = ", ".join(f"{width:.2f}" for width in np.median(high - low, axis=0))
            print("| " + " | ".join([kind, str(n), *held, widths]) + " |", flush=True)


if __name__ == "__main__":
    main()
