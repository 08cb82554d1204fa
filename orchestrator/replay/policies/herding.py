"""Herding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from .policy import Features, TaskRows
from .quota import quota

if TYPE_CHECKING:
    from ..config import ReplayConfig


def keep_herding(
    tasks: Sequence[TaskRows], config: ReplayConfig, seed: int, features: Features
) -> list[TaskRows]:
    """Rows whose mean feature follows their task's; a task's share is proportional to its size, as
    MoF/iCaRL in the CTP paper.

    A past task's list is cut to its new share.
    """
    new = tasks[-1]
    limits = np.array([len(task) for task in tasks])
    shares = quota(config.size, np.array([task.size for task in tasks], float), limits)
    chosen = herd(features(new.rows), int(shares[-1]), config.herding)
    return [*(task.take(slice(n)) for task, n in zip(tasks[:-1], shares, strict=False)), new.take(chosen)]


def herd(features: np.ndarray, count: int, reading: Literal["greedy", "reference"] = "greedy") -> np.ndarray:
    """int64 (min(count, N),): the rows of ``features`` (N, D) that herding picks.

    With f the L2-normalised rows, mu their mean and w = mu at the start: pick j = argmax <w, f_j>, then w
    <- w + mu - f_j (Welling 2009; iCaRL, Rebuffi et al. 2017, algorithm 4).

    ``greedy``: a row is picked once, and the output is in the order of picking, so that cutting it off
    keeps the best. ``reference``: CTP's released ``models/exemplar.py``: a row picked again moves w again
    without being counted, until ``count`` distinct rows were picked, and the output is in data-set order.
    Where it would pick old rows for ever (100 * count picks), the rest is taken greedily.
    """
    dtype = np.float64 if features.dtype == np.float64 else np.float32
    unit = np.asarray(features, dtype)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), np.finfo(dtype).tiny)
    count = min(count, len(unit))
    drift = unit @ unit.mean(axis=0)
    score = drift.copy()
    picked = np.zeros(len(unit), bool)
    order: list[int] = []
    picks = 0
    while len(order) < count:
        repeats = reading == "reference" and picks < 100 * count
        j = int(np.argmax(score if repeats else np.where(picked, -np.inf, score)))
        if not picked[j]:
            picked[j] = True
            order.append(j)
        score += drift - unit @ unit[j]
        picks += 1
    return np.sort(np.array(order, np.int64)) if reading == "reference" else np.array(order, np.int64)
