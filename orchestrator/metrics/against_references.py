"""Metrics of an accuracy matrix beside those of reference runs: the same stream, seed and order.

All matrices are (T, T): entry [t, k], counted from 0, is the score on task k after training on task t, under
the same conditions (in recognition among the classes up to the later of the two tasks). Scores may have any
unit, which is the result's; it is percent everywhere in this project. A metric is NaN where it needs an entry
that is NaN, or more tasks than there are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

AGAINST = {
    "forward_transfer_zero_shot": "zero-shot",
    "forward_transfer_independent": "independent",
    "forgetting_independent": "independent",
    "intransigence": "joint",
    "intransigence_once": "joint-once",
}
"""Metric -> the reference that it is computed beside."""


def against_references(matrix: ArrayLike, references: Mapping[str, ArrayLike]) -> dict[str, float]:
    """Computes what there are references for.

    Args:
        matrix: (T, T), the method's.
        references: ``zero-shot``, ``independent``, ``joint`` and ``joint-once`` -> (T, T), as far as there
            are any. Other names count for nothing.

    Returns:
        A value by name, without those that are NaN: ``forward_transfer_zero_shot``,
        ``forward_transfer_independent``, ``forgetting_independent``, ``intransigence`` (of ``joint``) and
        ``intransigence_once`` (of ``joint-once``).

    Raises:
        ValueError: A matrix is not square, or they are not of as many tasks.
    """
    found = {}
    if (zero_shot := references.get("zero-shot")) is not None:
        found["forward_transfer_zero_shot"] = forward_transfer_zero_shot(matrix, zero_shot)
    if (alone := references.get("independent")) is not None:
        found["forward_transfer_independent"] = forward_transfer_independent(matrix, alone)
        found["forgetting_independent"] = forgetting_independent(matrix, alone)
    for kind, name in (("joint", "intransigence"), ("joint-once", "intransigence_once")):
        if (joint := references.get(kind)) is not None:
            found[name] = intransigence(matrix, joint)
    return {name: value for name, value in found.items() if not np.isnan(value)}


def forward_transfer_zero_shot(matrix: ArrayLike, zero_shot: ArrayLike) -> float:
    """Computes the mean over k >= 1 of R[k-1, k] - Z[k-1, k].

    It is forward transfer of Lopez-Paz and Ranzato, GEM (NeurIPS 2017), section 2, with the pretrained model
    in the place of a random one. Where candidates grow with the tasks, Z is not the same in each row: the
    entry is taken that has R's candidates.

    Args:
        matrix: R (T, T), with the entries right above the diagonal.
        zero_shot: Z (T, T), of the pretrained model.

    Raises:
        ValueError: As of :func:`against_references`.
    """
    own, reference = _alike(matrix, zero_shot)
    return _mean((own - reference).diagonal(1))


def forward_transfer_independent(matrix: ArrayLike, independent: ArrayLike) -> float:
    """Computes the mean over k >= 1 of R[k, k] - I[k, k]; a negative value says that past tasks hindered.

    Wang et al., A comprehensive survey of continual learning (TPAMI 2024), FWT. Veniat et al., CTrL (ICLR
    2021), take the last task's term alone, their transfer.

    Args:
        matrix: R (T, T).
        independent: I (T, T), whose row k is of a model that was trained on task k alone.

    Raises:
        ValueError: As of :func:`against_references`.
    """
    own, reference = _alike(matrix, independent)
    return _mean((own - reference).diagonal()[1:])


def forgetting_independent(matrix: ArrayLike, independent: ArrayLike) -> float:
    """Computes the mean over k < T-1 of I[k, k] - R[T-1, k]; a positive value is worse than independent.

    RWalk's forgetting compares with the best that a task ever was, which a method that learns nothing never
    loses. This one compares with a model of the task's own, as Maninis et al. (CVPR 2019) do for tasks that
    are learnt together; they divide by it, here it is a difference in points. Both take the task's own
    candidates of the time when it came for I, as forgetting does for the best that a task was.

    Args:
        matrix: R (T, T).
        independent: I (T, T), as of :func:`forward_transfer_independent`.

    Raises:
        ValueError: As of :func:`against_references`.
    """
    own, reference = _alike(matrix, independent)
    return _mean((reference.diagonal() - own[-1])[:-1])


def intransigence(matrix: ArrayLike, joint: ArrayLike) -> float:
    """Computes the mean over all k of J[k, k] - R[k, k]; a positive value says that a task was learnt worse.

    Chaudhry et al., RWalk (ECCV 2018), the intransigence measure, whose a*_k is J[k, k], of a model that was
    trained on tasks 0 .. k at once. They define it for each task; the mean over tasks is that of later
    benchmarks (BeGin, Ko et al., 2022).

    Args:
        matrix: R (T, T).
        joint: J (T, T).

    Raises:
        ValueError: As of :func:`against_references`.
    """
    own, reference = _alike(matrix, joint)
    return _mean((reference - own).diagonal())


def _alike(matrix: ArrayLike, reference: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    own, other = np.asarray(matrix, dtype=float), np.asarray(reference, dtype=float)
    if own.ndim != 2 or own.shape[0] != own.shape[1] or other.shape != own.shape:
        raise ValueError(f"matrices of shape {own.shape} and {other.shape}; allowed: square ones of one size")
    return own, other


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
