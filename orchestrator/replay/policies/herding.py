"""Herding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from .class_shares import joined, keep_class_shares
from .policy import Ranker, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig

_GRAM = 8192  # rows whose products with each other are held at once: 256 MB in float32


def keep_herding(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, ranker: Ranker
) -> list[TaskRows]:
    """Rows whose mean feature follows that of their task, or of their class (``config.by_class``).

    A task's share is proportional to its size, as MoF/iCaRL in the CTP paper; classes have equal shares. A
    past task's or class's list is cut to its new share; a class that comes again is herded again.
    """
    if config.by_class:
        return keep_class_shares(tasks, config, _places(tasks, ranker))
    new = tasks[-1]
    limits = np.array([len(task) for task in tasks])
    shares = quota(config.size, np.array([task.size for task in tasks], float), limits)
    chosen = herd(ranker.features(new.rows), int(shares[-1]), config.herding)
    return [*(task.take(slice(n)) for task, n in zip(tasks[:-1], shares, strict=False)), new.take(chosen)]


def _places(tasks: Sequence[TaskRows], ranker: Ranker) -> np.ndarray:
    rows, labels = joined(tasks)
    if (shared := ranker.herding(rows)) is not None:
        return shared
    places = np.arange(len(rows))
    anew = np.isin(labels, tasks[-1].labels)
    places[anew] = herding_order(ranker.features(rows[anew]), labels[anew])
    return places


def herding_order(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """int32 (N,): the place of each row of ``features`` (N, D), from 0, in the greedy herding order of its
    class, ``labels`` (N,).

    The first m of each class are what :func:`herd` picks of it. Holds the products of one class's rows with
    each other at a time; of a class above 8192 rows one row of them.
    """
    places = np.empty(len(labels), np.int32)
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(members):
            places[members[_greedy(_unit(features[members]), len(members))]] = np.arange(len(members))
    return places


def herd(features: np.ndarray, count: int, reading: Literal["greedy", "reference"] = "greedy") -> np.ndarray:
    """int64 (min(count, N),): the rows of ``features`` (N, D) that herding picks.

    With f the L2-normalised rows, mu their mean and w = mu at the start: pick j = argmax <w, f_j>, then w
    <- w + mu - f_j (Welling 2009; iCaRL, Rebuffi et al. 2017, algorithm 4).

    ``greedy``: a row is picked once, and the output is in the order of picking, so that cutting it off
    keeps the best. ``reference``: CTP's released ``models/exemplar.py``: a row picked again moves w again
    without being counted, until ``count`` distinct rows were picked, and the output is in data-set order.
    Where it would pick old rows for ever (100 * count picks), the rest is taken greedily.
    """
    unit = _unit(features)
    count = min(count, len(unit))
    if reading == "greedy":
        return _greedy(unit, count)
    drift = unit @ unit.mean(axis=0)
    score = drift.copy()
    picked = np.zeros(len(unit), bool)
    found = picks = 0
    while found < count:
        j = int(np.argmax(score if picks < 100 * count else np.where(picked, -np.inf, score)))
        found += not picked[j]
        picked[j] = True
        score += drift - unit @ unit[j]
        picks += 1
    return np.flatnonzero(picked)


def _unit(features: np.ndarray) -> np.ndarray:
    dtype = np.float64 if features.dtype == np.float64 else np.float32
    rows = np.asarray(features, dtype)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(dtype).tiny)


def _greedy(unit: np.ndarray, count: int) -> np.ndarray:
    """int64 (count,): unit rows in the order of picking, each once."""
    drift = unit @ unit.mean(axis=0)
    score = drift.astype(np.float64)
    # All products at once take less time than one row of them a pick, unless few are picked.
    gram = unit @ unit.T if len(unit) <= min(_GRAM, 8 * count) else None
    order = np.empty(count, np.int64)
    for place in range(count):
        j = order[place] = score.argmax()
        score += drift
        score -= gram[j] if gram is not None else unit @ unit[j]
        score[j] = -np.inf
    return order
