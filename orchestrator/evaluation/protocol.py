"""What every evaluator is written against: how it is to evaluate, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from methods.method import Batch, Scenario

from ..storage.task_key import task_key
from ..streams.stream import Stream

SCORE: dict[Scenario, str] = {"retrieval": "r_mean", "recognition": "accuracy", "vqa": "accuracy"}
"""The score of which a stream's task-by-task matrix is made: ``task_01/SCORE`` ... of a report."""


HEADLINE: dict[Scenario, str] = {"retrieval": "seen/r_mean", "recognition": "average", "vqa": "average"}
"""The metric that a run is judged by where nobody names another."""


@dataclass(frozen=True)
class Evaluation:
    """How a method is evaluated. ``encode`` puts a frozen encoder's features in the place of pixels;
    ``deterministic``: by deterministic algorithms alone."""

    device: torch.device
    batch_size: int
    precision: str
    encode: Callable[[Batch], Batch] = lambda batch: batch
    deterministic: bool = False


@dataclass(frozen=True)
class Scores:
    """What one evaluation over several tasks found.

    ``by_task``: the scenario's score of each task, percent, (K,). ``metrics``: flat, names without the
    split's prefix: ``task_01/SCORE`` ..., and those over all tasks seen.
    """

    by_task: np.ndarray
    metrics: dict[str, float]


def task_row(report: Mapping[str, float], tasks: int, scenario: Scenario) -> list[float]:
    """The scores on tasks 0 .. ``tasks`` - 1 in a report of a finished task."""
    return [report[f"validation/{task_key(k)}/{SCORE[scenario]}"] for k in range(tasks)]


def validation_metrics(report: Mapping[str, float]) -> dict[str, float]:
    """The metrics of :class:`Scores` and the like in a report of a finished task."""
    prefix = "validation/"
    return {k.removeprefix(prefix): value for k, value in report.items() if k.startswith(prefix)}


def place_of(stream: Stream, split: str, task: int) -> str:
    """A split of task ``task`` (from 0), as messages name it."""
    return f"{stream.scenario}, {split} split of task {task + 1}"
