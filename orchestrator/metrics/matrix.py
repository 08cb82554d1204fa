"""Metrics of an accuracy matrix: what is learned, kept, forgotten and transferred.

An accuracy matrix ``R`` is (S, T) with S <= T. ``R[t, k]`` is the score on task k after training on task t.
Both indices count from 0. The score may have any unit (it is percent everywhere in this project). The entries
above the diagonal belong to tasks not yet trained; forward transfer alone reads them. An entry that was not
measured is NaN. Trailing rows of NaN are tasks not yet finished. A metric is NaN where it needs an entry that
is NaN, or more tasks than are finished.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

Forgetting = Literal["best_before_last", "best_including_last", "own_minus_last"]


def matrix_metrics(
    matrix: ArrayLike,
    random_baseline: ArrayLike | None = None,
    *,
    sizes: ArrayLike | None = None,
    task_aware: ArrayLike | None = None,
) -> dict[str, float]:
    """Computes the metrics of ``R`` that are reported after each task.

    Args:
        matrix: ``R`` (S, T).
        random_baseline: (T,), the untrained model's score on each task.
        sizes: (T,), the samples of each task. The averages are then over all samples, and those over tasks
            have names of their own. None: the averages are over tasks.
        task_aware: ``R`` (S, T) with each task's score among that task's own candidates; it may be NaN above
            the diagonal. None: there is none.

    Returns:
        A value by name, without the metrics that are not defined yet: ``average`` (over the tasks so far),
        ``average_over_time`` and ``learning_accuracy``; with ``sizes`` also ``unweighted_average`` and
        ``unweighted_average_over_time``; from the second task on also ``forgetting`` (best before last),
        with ``task_aware`` ``task_aware_forgetting``, and ``backward_transfer``; with ``random_baseline``
        also ``forward_transfer``.
    """
    metrics = {
        "average": final_average(matrix, sizes),
        "average_over_time": average_over_time(matrix, sizes),
        "learning_accuracy": learning_accuracy(matrix),
        "forgetting": forgetting(matrix),
        "backward_transfer": backward_transfer(matrix),
    }
    if sizes is not None:
        metrics["unweighted_average"] = final_average(matrix)
        metrics["unweighted_average_over_time"] = average_over_time(matrix)
    if task_aware is not None:
        metrics["task_aware_forgetting"] = forgetting(task_aware)
    if random_baseline is not None:
        metrics["forward_transfer"] = forward_transfer(matrix, random_baseline)
    return {name: value for name, value in metrics.items() if not np.isnan(value)}


def step_accuracy(matrix: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Computes the mean of R[t, 0..t] for each finished task t.

    Args:
        matrix: ``R`` (S, T).
        weights: (T,), for instance the sizes of the test splits. The mean is then weighted, as if all samples
            were pooled (Avalanche's stream accuracy).

    Returns:
        (S,), one mean for each finished task.
    """
    square = _finished(matrix)
    weight = np.ones(len(square)) if weights is None else np.asarray(weights, dtype=float)
    return np.array(
        [np.average(row[: t + 1], weights=weight[: t + 1]) for t, row in enumerate(square)], dtype=float
    )


def final_average(matrix: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Computes the mean of the last finished row over the tasks so far.

    Without ``weights`` this is ACC of Lopez-Paz and Ranzato, GEM (NeurIPS 2017), section 2. Weighted by
    samples it is the accuracy on all samples of the tasks so far.

    Args:
        matrix: ``R`` (S, T).
        weights: (T,), as of :func:`step_accuracy`.
    """
    steps = step_accuracy(matrix, weights)
    return float(steps[-1]) if len(steps) else float("nan")


def average_over_time(matrix: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Computes the mean of :func:`step_accuracy`.

    Weighted by samples this is the average incremental accuracy of Rebuffi et al., iCaRL (CVPR 2017), whose
    accuracy is that on all samples of the classes so far. Without ``weights`` it is CLAP4CLIP's Avg.

    Args:
        matrix: ``R`` (S, T).
        weights: (T,), as of :func:`step_accuracy`.
    """
    steps = step_accuracy(matrix, weights)
    return float(steps.mean()) if len(steps) else float("nan")


def learning_accuracy(matrix: ArrayLike) -> float:
    """Computes the mean of R[k, k]: how well each task was learnt when it came.

    Riemer et al., MER (ICLR 2019).
    """
    own = _finished(matrix).diagonal()
    return float(own.mean()) if len(own) else float("nan")


def backward_transfer(matrix: ArrayLike) -> float:
    """Computes the mean over k < T-1 of R[T-1, k] - R[k, k]; a negative value is forgetting.

    The definition is that of GEM (NeurIPS 2017), section 2. Mammoth and Avalanche agree with it.
    """
    square = _finished(matrix)
    return _mean((square[-1] - square.diagonal())[:-1]) if len(square) > 1 else float("nan")


def forgetting(matrix: ArrayLike, reading: Forgetting = "best_before_last") -> float:
    """Computes the mean over k < T-1 of what was lost on task k; a positive value is forgetting.

    Args:
        matrix: ``R`` (S, T).
        reading: Which published definition is taken.
            ``best_before_last``: the maximum over k <= t < T-1 of R[t, k], minus R[T-1, k]; it may be
            negative. Chaudhry et al., RWalk (ECCV 2018), and VQACL's code.
            ``best_including_last``: the last row takes part in the maximum; it is never negative. Mammoth's.
            ``own_minus_last``: R[k, k] - R[T-1, k]. Avalanche's, the negative of backward transfer.

    Raises:
        ValueError: There is no such ``reading``.
    """
    return _mean(forgetting_by_task(matrix, reading))


def forgetting_by_task(matrix: ArrayLike, reading: Forgetting = "best_before_last") -> np.ndarray:
    """Computes what :func:`forgetting` averages.

    Args:
        matrix: ``R`` (S, T).
        reading: As of :func:`forgetting`.

    Returns:
        (S-1,), the loss on each task but the last; empty for one task.

    Raises:
        ValueError: There is no such ``reading``.
    """
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
    """Computes the mean over k >= 1 of R[k-1, k] - b[k], as far as tasks are finished.

    The definition is that of GEM (NeurIPS 2017), section 2. Mammoth and Avalanche agree with it.

    Args:
        matrix: ``R`` (S, T).
        random_baseline: b (T,), the untrained model's score on each task.

    Raises:
        ValueError: ``random_baseline`` does not have T entries.
    """
    full = _matrix(matrix)
    baseline = np.asarray(random_baseline, dtype=float)
    if baseline.shape != (full.shape[1],):
        raise ValueError(f"random baseline of shape {baseline.shape} beside {full.shape[1]} tasks")
    known = range(1, min(len(_finished(matrix)) + 1, full.shape[1]))
    return _mean(np.array([full[k - 1, k] - baseline[k] for k in known]))


def ctp_backward_transfer(own_checkpoint: ArrayLike, last_checkpoint: ArrayLike) -> float:
    """Computes CTP's "BWT"; **a positive value is forgetting**.

    It is the sum over tasks of (own checkpoint's score - last checkpoint's score) / (T-1). Zhu et al., CTP
    (ICCV 2023), the released ``eval.py`` (which rounds to two decimals).

    Args:
        own_checkpoint: (T,), the score on each task of the model after that task.
        last_checkpoint: (T,), the score on each task of the last model.
    """
    own, last = np.asarray(own_checkpoint, dtype=float), np.asarray(last_checkpoint, dtype=float)
    return float((own - last).sum() / (len(own) - 1)) if len(own) > 1 else float("nan")


def _matrix(matrix: ArrayLike) -> np.ndarray:
    full = np.asarray(matrix, dtype=float)
    if full.ndim != 2 or full.shape[0] > full.shape[1]:
        raise ValueError(f"an accuracy matrix is (finished tasks, tasks), not {full.shape}")
    return full


def _finished(matrix: ArrayLike) -> np.ndarray:
    """The square part of the matrix that belongs to finished tasks."""
    full = _matrix(matrix)
    measured = np.flatnonzero(~np.isnan(full).all(axis=1))
    finished = measured[-1] + 1 if len(measured) else 0
    return full[:finished, :finished]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
