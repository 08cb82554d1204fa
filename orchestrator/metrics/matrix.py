"""Metrics of an accuracy matrix: what is learned, kept, forgotten and transferred.

An accuracy matrix ``R`` is (S, T), S <= T: ``R[t, k]`` is the score on task k after training on task t, both
from 0, in any unit (percent everywhere in this project). Above the diagonal lie tasks not yet trained, which
forward transfer alone reads. Whatever was not measured is NaN; trailing rows of NaN are tasks not yet
finished. A metric that needs an entry that is NaN, or more tasks than are finished, is NaN.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

Forgetting = Literal["best_before_last", "best_including_last", "own_minus_last"]


def matrix_metrics(matrix: ArrayLike, random_baseline: ArrayLike | None = None) -> dict[str, float]:
    """The metrics of ``R`` that are reported after each task, without those that are not defined yet.

    ``average`` (of the tasks so far), ``average_over_time``, ``learning_accuracy``, from the second task on
    ``forgetting`` (best before last) and ``backward_transfer``; with ``random_baseline`` (T,) also
    ``forward_transfer``.
    """
    found = {
        "average": final_average(matrix),
        "average_over_time": average_over_time(matrix),
        "learning_accuracy": learning_accuracy(matrix),
        "forgetting": forgetting(matrix),
        "backward_transfer": backward_transfer(matrix),
    }
    if random_baseline is not None:
        found["forward_transfer"] = forward_transfer(matrix, random_baseline)
    return {name: value for name, value in found.items() if not np.isnan(value)}


def step_accuracy(matrix: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """(S,): mean of R[t, 0..t] for each finished task t.

    ``weights`` (T,), say the test sizes, gives the weighted mean, as when all samples are pooled (Avalanche's
    stream accuracy).
    """
    square = _finished(matrix)
    weight = np.ones(len(square)) if weights is None else np.asarray(weights, dtype=float)
    return np.array(
        [np.average(row[: t + 1], weights=weight[: t + 1]) for t, row in enumerate(square)], dtype=float
    )


def final_average(matrix: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of the last finished row over the tasks so far: ACC of Lopez-Paz and Ranzato, GEM (NeurIPS
    2017), section 2."""
    steps = step_accuracy(matrix, weights)
    return float(steps[-1]) if len(steps) else float("nan")


def average_over_time(matrix: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean of :func:`step_accuracy`: average incremental accuracy of Rebuffi et al., iCaRL (CVPR 2017)."""
    steps = step_accuracy(matrix, weights)
    return float(steps.mean()) if len(steps) else float("nan")


def learning_accuracy(matrix: ArrayLike) -> float:
    """Mean of R[k, k]: how well each task was learnt when it came. Riemer et al., MER (ICLR 2019)."""
    own = _finished(matrix).diagonal()
    return float(own.mean()) if len(own) else float("nan")


def backward_transfer(matrix: ArrayLike) -> float:
    """Mean over k < T-1 of R[T-1, k] - R[k, k]; negative = forgetting. GEM (NeurIPS 2017), section 2; Mammoth
    and Avalanche agree."""
    square = _finished(matrix)
    return _mean((square[-1] - square.diagonal())[:-1]) if len(square) > 1 else float("nan")


def forgetting(matrix: ArrayLike, reading: Forgetting = "best_before_last") -> float:
    """Mean over k < T-1 of what was lost on task k; positive = forgetting.

    ``best_before_last``: max over k <= t < T-1 of R[t, k], minus R[T-1, k]; may be negative. Chaudhry et al.,
    RWalk (ECCV 2018); VQACL's code. ``best_including_last``: the last row takes part in the maximum;
    never negative; Mammoth's. ``own_minus_last``: R[k, k] - R[T-1, k]; Avalanche's, the negative of backward
    transfer.
    """
    return _mean(forgetting_by_task(matrix, reading))


def forgetting_by_task(matrix: ArrayLike, reading: Forgetting = "best_before_last") -> np.ndarray:
    """(S-1,): what :func:`forgetting` averages; empty for one task."""
    square = _finished(matrix)
    tasks = range(len(square) - 1)
    if reading == "own_minus_last":
        best = [square[k, k] for k in tasks]
    elif reading in ("best_before_last", "best_including_last"):
        end = len(square) - (reading == "best_before_last")
        best = [square[k:end, k].max() for k in tasks]
    else:
        raise ValueError(f"forgetting has no reading {reading!r}: one of {', '.join(get_args(Forgetting))}")
    return np.array(best, dtype=float) - square[-1, :-1] if len(square) else np.empty(0)


def forward_transfer(matrix: ArrayLike, random_baseline: ArrayLike) -> float:
    """Mean over k >= 1 of R[k-1, k] - b[k], b (T,) the untrained model's score on each task; as far as tasks
    are finished.

    GEM (NeurIPS 2017), section 2; Mammoth and Avalanche agree.
    """
    full = _matrix(matrix)
    baseline = np.asarray(random_baseline, dtype=float)
    if baseline.shape != (full.shape[1],):
        raise ValueError(f"random baseline of shape {baseline.shape} beside {full.shape[1]} tasks")
    known = range(1, min(len(_finished(matrix)) + 1, full.shape[1]))
    return _mean(np.array([full[k - 1, k] - baseline[k] for k in known]))


def ctp_backward_transfer(own_checkpoint: ArrayLike, last_checkpoint: ArrayLike) -> float:
    """CTP's "BWT": sum over tasks of (own checkpoint's score - last checkpoint's score) / (T-1); **positive =
    forgetting**.

    Both (T,). Zhu et al., CTP (ICCV 2023), the released ``eval.py`` (which rounds to two decimals).
    """
    own, last = np.asarray(own_checkpoint, dtype=float), np.asarray(last_checkpoint, dtype=float)
    return float((own - last).sum() / (len(own) - 1)) if len(own) > 1 else float("nan")


def _matrix(matrix: ArrayLike) -> np.ndarray:
    full = np.asarray(matrix, dtype=float)
    if full.ndim != 2 or full.shape[0] > full.shape[1]:
        raise ValueError(f"an accuracy matrix is (finished tasks, tasks), not {full.shape}")
    return full


def _finished(matrix: ArrayLike) -> np.ndarray:
    full = _matrix(matrix)
    measured = np.flatnonzero(~np.isnan(full).all(axis=1))
    finished = measured[-1] + 1 if len(measured) else 0
    return full[:finished, :finished]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
