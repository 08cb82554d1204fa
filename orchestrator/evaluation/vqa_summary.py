"""The summary metrics of visual question answering, as VQACL and TRIPLET each define and name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..metrics.matrix import average_over_time, final_average, forgetting, forgetting_by_task
from ..streams.stream import Stream

COMPOSITION_KINDS = ("location", "count", "action", "color", "type", "subcategory")
"""The kinds of question over which VQACL averages its novel-composition test."""


def question_metrics(
    matrix: ArrayLike, sizes: ArrayLike, composed: Sequence[int] = (), novel: ArrayLike | None = None
) -> dict[str, float]:
    """Metrics of the accuracy matrix ``R`` (S, T), see :mod:`orchestrator.metrics.retrieval`; those not
    defined yet are left out.

    ``sizes`` (T,): the tasks' numbers of questions. ``composed``: tasks of the kinds
    :data:`COMPOSITION_KINDS`. ``novel`` (S, T): accuracy on the questions of the group held out, NaN for the
    first task, which trains on it, and where a task has none.

    VQACL (Zhang et al., CVPR 2023): ``vqacl/ap``, mean of the last row; ``vqacl/forget``, mean over k before
    the last of the best before the last row, minus the last; ``vqacl/ap_6q`` and ``vqacl/forget_6q``, the
    same over ``composed`` alone; each of ``novel`` as ``vqacl/novel_ap`` ... The released ``metric.py`` takes
    the forgetting of the task before each of the six where all tasks are counted; here it is their own.

    TRIPLET (Qian et al., ICCV 2023): ``triplet/average_accuracy``, mean over t of the accuracy on all
    questions of tasks 0 .. t together, ``triplet/final_accuracy``, its last value, and
    ``triplet/forgetting``, mean over k before the last of the best, the last row included, minus the last.
    """
    found = {f"vqacl/{name}": value for name, value in _vqacl(matrix, composed).items()}
    if novel is not None:
        # The first task trains on every group: the test starts at the second.
        rest = np.asarray(novel, dtype=float)[1:, 1:]
        own = _vqacl(rest, [k - 1 for k in composed if k])
        found |= {f"vqacl/novel_{name}": value for name, value in own.items()}
    found |= {
        "triplet/average_accuracy": average_over_time(matrix, sizes),
        "triplet/final_accuracy": final_average(matrix, sizes),
        "triplet/forgetting": forgetting(matrix, "best_including_last"),
    }
    return {name: value for name, value in found.items() if not np.isnan(value)}


def composition_tasks(stream: Stream, split: Literal["validation", "test"]) -> list[int]:
    """The tasks whose questions are of one of :data:`COMPOSITION_KINDS`; none where the stream has not a task
    of each of these."""
    found = {}
    for k, data in enumerate(stream.tasks):
        kinds = np.unique(data.splits[split].questions.kind)
        name = stream.tables.kinds[kinds[0]].removeprefix("q_") if len(kinds) == 1 else ""
        if name in COMPOSITION_KINDS:
            found[k] = name
    return list(found) if set(found.values()) == set(COMPOSITION_KINDS) else []


def _vqacl(matrix: ArrayLike, composed: Sequence[int]) -> dict[str, float]:
    square = np.asarray(matrix, dtype=float)
    measured = np.flatnonzero(~np.isnan(square).all(axis=1))
    if not len(measured):
        return {}
    last = square[measured[-1], : measured[-1] + 1]
    lost = forgetting_by_task(square)
    six = [k for k in composed if k < len(last)]
    return {
        "ap": _mean(last),
        "forget": _mean(lost),
        "ap_6q": _mean(last[six]),
        "forget_6q": _mean(lost[[k for k in six if k < len(lost)]]),
    }


def _mean(values: np.ndarray) -> float:
    """Of what was measured."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
