"""CTP's own table: each checkpoint and the last one, on the union of the tasks that had come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics.matrix import ctp_backward_transfer
from ..storage.task_key import task_key
from .tables import Table

CORNER = "tasks up to"
"""The name of the rows of :func:`checkpoint_table`."""

_HEADS = {
    "r_mean": "R_m",
    **{f"map{k}": f"mAP@{k}" for k in (1, 5, 10)},
    **{f"map{k}_reference": f"mAP@{k} as released" for k in (1, 5, 10)},
}
_BACKWARD = {"r_mean": "ctp/bwt", "map1": "ctp/bwt_map1", "map1_reference": "ctp/bwt_map1_reference"}


def last_checkpoint(unions: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Names the scores of the model after the last task.

    Args:
        unions: For each task k, the scores ``r_mean`` and ``map1`` ... over the union of tasks 0 .. k.

    Returns:
        ``ctp/last/task_01/r_mean`` ...
    """
    return _named("last", unions, "")


def checkpoint_metrics(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Computes what CTP's released ``eval.py`` tables, from the evaluations of all checkpoints.

    Args:
        steps: The metrics of each checkpoint
            (:func:`~orchestrator.evaluation.retrieval.evaluate_retrieval`); the last has ``ctp/last/...``.

    Returns:
        ``ctp/own/task_01/r_mean`` ..., the scores of the model after task k over the union of tasks 0 .. k;
        and from two tasks on ``ctp/bwt`` of R_m, ``ctp/bwt_map1`` and ``ctp/bwt_map1_reference``
        (:func:`~orchestrator.metrics.matrix.ctp_backward_transfer`; the released code rounds all it adds up
        to two decimals). Nothing where the last step has no such scores, as on validation data.
    """
    if f"ctp/last/{task_key(0)}/r_mean" not in steps[-1]:
        return {}
    metrics = _named("own", steps, "seen/")
    every = {**metrics, **steps[-1]}
    for name, backward in _BACKWARD.items():
        own, last = (_column(every, which, name, len(steps)) for which in ("own", "last"))
        if len(steps) > 1 and not np.isnan(last).any():
            metrics[backward] = ctp_backward_transfer(own, last)
    return metrics


def checkpoint_table(metrics: Mapping[str, float], tasks: Sequence[str]) -> Table | None:
    """Makes a table of the metrics of a look at test.

    Args:
        metrics: ``ctp/own/task_01/r_mean`` ... and ``ctp/last/task_01/r_mean`` ...
        tasks: The names of the T tasks.

    Returns:
        A row for each union of tasks 0 .. k. For each score there are the column of the model after task k,
        that of the last model, and for R_m and mAP@1 that of CTP's BWT over the rows so far. None where there
        are no such metrics.
    """
    columns: dict[str, np.ndarray] = {}
    for name, head in _HEADS.items():
        own, last = (_column(metrics, which, name, len(tasks)) for which in ("own", "last"))
        if np.isnan(own).all():
            continue
        columns |= {head: own, f"{head}, last model": last}
        if name in _BACKWARD:
            so_far = [ctp_backward_transfer(own[: k + 1], last[: k + 1]) for k in range(len(tasks))]
            columns[f"BWT {head}"] = np.array(so_far)
    return Table(np.stack([*columns.values()], axis=1), list(tasks), list(columns)) if columns else None


def _named(which: str, scores: Sequence[Mapping[str, float]], prefix: str) -> dict[str, float]:
    return {
        f"ctp/{which}/{task_key(k)}/{name}": metrics[f"{prefix}{name}"]
        for k, metrics in enumerate(scores)
        for name in _HEADS
        if f"{prefix}{name}" in metrics
    }


def _column(metrics: Mapping[str, float], which: str, name: str, tasks: int) -> np.ndarray:
    """(tasks,), NaN where nothing was measured."""
    return np.array([metrics.get(f"ctp/{which}/{task_key(k)}/{name}", np.nan) for k in range(tasks)])
