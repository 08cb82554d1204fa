"""Herding, and the policy that keeps the rows that herding picks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig

_GRAM = 8192  # rows whose products with each other are held at once; 256 MB in float32


def keep_herding(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Keeps rows whose mean feature follows that of their task, or of their class (``config.by_class``).

    A task's share is proportional to its size, as in MoF/iCaRL of the CTP paper. Classes have equal shares.
    The list of a past task or class is cut to its new share. A class that comes again is herded again.

    Args:
        tasks: The rows kept of each past task, in order, then all rows of the newest task.
        config: The memory's configuration, with ``size`` > 0.
        seed: Not used.
        ranker: Gives the rows' features, or their herding order where it was made once for all trials.

    Returns:
        The rows kept of each of ``tasks``, the best first.
    """
    if config.by_class:
        return keep_class_shares(tasks, config, _ranks(tasks, ranker))
    new = tasks[-1]
    limits = np.array([len(task) for task in tasks])
    shares = quota(config.size, np.array([task.size for task in tasks], float), limits)
    chosen = herd(ranker.features(new.rows), int(shares[-1]), config.herding)
    return [*(task.take(slice(n)) for task, n in zip(tasks[:-1], shares, strict=False)), new.take(chosen)]


def _ranks(tasks: Sequence[TaskRows], ranker: Ranker) -> np.ndarray:
    """int (n,): each row's rank, from 0, in the herding order of its class; rows of past classes keep their
    order.
    """
    rows, labels = joined(tasks)
    if (shared := ranker.herding(rows)) is not None:
        return shared
    ranks = np.arange(len(rows))
    anew = np.isin(labels, tasks[-1].labels)
    ranks[anew] = herding_order(ranker.features(rows[anew]), labels[anew])
    return ranks


def herding_order(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Ranks each row within the greedy herding order of its class.

    The products of one class's rows with each other are held at a time. For a class above 8192 rows only one
    row of these products is held.

    Args:
        features: (N, D).
        labels: (N,), the rows' classes.

    Returns:
        int32 (N,), each row's rank from 0. The first m rows of each class are what :func:`herd` picks of it.
    """
    ranks = np.empty(len(labels), np.int32)
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(members):
            ranks[members[_greedy(_unit(features[members]), len(members))]] = np.arange(len(members))
    return ranks


def herd(features: np.ndarray, count: int, reading: Literal["greedy", "reference"] = "greedy") -> np.ndarray:
    """Picks rows whose mean follows the mean of all rows.

    Let f be the L2-normalised rows, mu their mean, and w = mu at the start. Herding picks j = argmax <w, f_j>
    and then sets w <- w + mu - f_j (Welling 2009; iCaRL, Rebuffi et al. 2017, algorithm 4).

    Args:
        features: (N, D).
        count: How many rows are picked.
        reading: Which variant is taken.
            ``greedy``: a row is picked once. The output is in the order of picking, so that its first rows
            are the best ones.
            ``reference``: CTP's released ``models/exemplar.py``. A row that is picked again moves w again
            without being counted, until ``count`` distinct rows were picked. The output is in data-set order.
            Where old rows would be picked for ever (after 100 * count picks), the rest is taken greedily.

    Returns:
        int64 (min(count, N),), the numbers of the picked rows.
    """
    unit = _unit(features)
    count = min(count, len(unit))
    if reading == "greedy":
        return _greedy(unit, count)
    drift = unit @ unit.mean(axis=0)
    score = drift.copy()
    picked = np.zeros(len(unit), bool)
    distinct = picks = 0
    while distinct < count:
        j = int(np.argmax(score if picks < 100 * count else np.where(picked, -np.inf, score)))
        distinct += not picked[j]
        picked[j] = True
        score += drift - unit @ unit[j]
        picks += 1
    return np.flatnonzero(picked)


def _unit(features: np.ndarray) -> np.ndarray:
    """The rows divided by their L2 norms, in float64 or else float32."""
    dtype = np.float64 if features.dtype == np.float64 else np.float32
    rows = np.asarray(features, dtype)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(dtype).tiny)


def _greedy(unit: np.ndarray, count: int) -> np.ndarray:
    """int64 (count,): the numbers of unit rows in the order of picking, each once."""
    drift = unit @ unit.mean(axis=0)
    score = drift.astype(np.float64)
    # Computing all products at once takes less time than one row of them a pick, unless few rows are picked.
    gram = unit @ unit.T if len(unit) <= min(_GRAM, 8 * count) else None
    order = np.empty(count, np.int64)
    for rank in range(count):
        j = order[rank] = score.argmax()
        score += drift
        score -= gram[j] if gram is not None else unit @ unit[j]
        score[j] = -np.inf
    return order
