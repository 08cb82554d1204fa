"""The summary metrics of visual question answering, as VQACL and TRIPLET each define and name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..metrics.matrix import average_over_time, final_average, forgetting, forgetting_by_task
from ..streams.stream import Stream

COMPOSITION_KINDS = ("location", "count", "action", "color", "type", "subcategory")
"""The kinds of question over which VQACL averages its test of novel compositions."""


def question_metrics(
    matrix: ArrayLike, sizes: ArrayLike, composed: Sequence[int] = (), novel: ArrayLike | None = None
) -> dict[str, float]:
    """Computes the summary metrics of an accuracy matrix of questions. Those not defined yet are left out.

    VQACL (Zhang et al., CVPR 2023): ``vqacl/ap`` is the mean of the last row. ``vqacl/forget`` is the mean
    over k before the last of the best score before the last row, minus the last. ``vqacl/ap_6q`` and
    ``vqacl/forget_6q`` are the same over ``composed`` alone, each with its own forgetting, as the paper says.
    ``vqacl/forget_6q_reference`` is what the released code computes: for each of the six the forgetting of
    the task before it, as far as tasks before the last are done. Each of these of ``novel`` is named
    ``vqacl/novel_ap`` and so on. There the released index counts from the second task and is right, so that
    the two readings are one, ``vqacl/novel_forget_6q``.

    TRIPLET (Qian et al., ICCV 2023): ``triplet/average_accuracy`` is the mean over t of the accuracy on all
    questions of tasks 0 .. t together. ``triplet/final_accuracy`` is the last of these values.
    ``triplet/forgetting`` is the mean over k before the last of the best score, the last row included, minus
    the last.

    Args:
        matrix: ``R`` (S, T), see :mod:`orchestrator.metrics.matrix`.
        sizes: (T,), the tasks' numbers of questions.
        composed: The tasks of the kinds :data:`COMPOSITION_KINDS`.
        novel: (S, T), the accuracy on the questions of the group held out. It is NaN for the first task,
            which trains on that group, and where a task has no such questions.
    """
    metrics = {f"vqacl/{name}": value for name, value in _vqacl(matrix, composed).items()}
    lost = forgetting_by_task(matrix)
    metrics["vqacl/forget_6q_reference"] = _mean(lost[[k - 1 for k in composed if 0 < k <= len(lost)]])
    if novel is not None:
        # The first task trains on every group: the test starts at the second.
        rest = np.asarray(novel, dtype=float)[1:, 1:]
        own = _vqacl(rest, [k - 1 for k in composed if k])
        metrics |= {f"vqacl/novel_{name}": value for name, value in own.items()}
    metrics |= {
        "triplet/average_accuracy": average_over_time(matrix, sizes),
        "triplet/final_accuracy": final_average(matrix, sizes),
        "triplet/forgetting": forgetting(matrix, "best_including_last"),
    }
    return {name: value for name, value in metrics.items() if not np.isnan(value)}


def composition_tasks(stream: Stream, split: Literal["validation", "test"]) -> list[int]:
    """Returns the tasks whose questions have one of :data:`COMPOSITION_KINDS`.

    Args:
        stream: The stream.
        split: The split whose questions are looked at.

    Returns:
        The tasks' numbers; none where the stream does not have a task of each of these kinds.
    """
    name_of = {}
    for k, data in enumerate(stream.tasks):
        kinds = np.unique(data.splits[split].questions.kind)
        name = stream.tables.kinds[kinds[0]].removeprefix("q_") if len(kinds) == 1 else ""
        if name in COMPOSITION_KINDS:
            name_of[k] = name
    return list(name_of) if set(name_of.values()) == set(COMPOSITION_KINDS) else []


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
    """The mean of what was measured."""
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else float("nan")
