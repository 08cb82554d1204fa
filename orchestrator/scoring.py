"""What counts in each scenario, and who measures it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from methods.method import Batch, Method, Scenario

from .config import RunConfig
from .deterministic import deterministic
from .diverged import Diverged
from .features.frozen import frozen_encoder
from .metrics import matrix_metrics
from .streams.stream import Stream
from .task_key import task_key

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


def evaluation_of(config: RunConfig, stream: Stream, device: torch.device) -> Evaluation:
    """How the trials of a configuration are evaluated on ``device``."""
    encode = frozen_encoder(config, stream, device)
    run = config.run
    return Evaluation(device, run.eval_batch_size, run.precision, encode, run.deterministic)


@dataclass(frozen=True)
class Scores:
    """What one evaluation over several tasks found.

    ``by_task``: the scenario's score of each task, percent, (K,). ``metrics``: flat, names without the
    split's prefix: ``task_01/SCORE`` ..., and those over all tasks seen.
    """

    by_task: np.ndarray
    metrics: dict[str, float]


def evaluate(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores tasks 0 .. ``tasks`` - 1 one by one, and tasks 0 .. ``seen`` - 1 together (``seen`` <=
    ``tasks``).

    Raises :class:`.diverged.Diverged`, on all ranks alike, where what the model says of a sample,
    or a metric, is not finite. Where ``how.deterministic``, as
    :func:`~orchestrator.deterministic.deterministic`.
    """
    if stream.scenario == "retrieval":
        from .evaluate import evaluate_retrieval as measure
    elif stream.scenario == "vqa":
        from .evaluate_questions import evaluate_questions as measure
    else:
        from .evaluate_recognition import evaluate_recognition as measure
    with deterministic(how.deterministic):
        found = measure(method, stream, split, tasks=tasks, seen=seen, how=how)
    for name, value in found.metrics.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value}: {stream.scenario}, {split} splits, {seen} task(s) seen")
    return found


def summary_metrics(
    stream: Stream,
    split: Literal["validation", "test"],
    matrix: ArrayLike,
    steps: Sequence[Mapping[str, float]],
    random_baseline: ArrayLike | None = None,
) -> dict[str, float]:
    """What a walk's evaluations say together, without what is not defined yet.

    ``matrix`` and ``random_baseline``: as :func:`~orchestrator.metrics.matrix_metrics`, which is all but in
    vqa, where :func:`~orchestrator.question_metrics.question_metrics` comes beside it. ``steps``: the
    metrics of each evaluation (:class:`Scores`), one a row of the matrix.
    """
    found = matrix_metrics(matrix, random_baseline)
    if stream.scenario == "vqa":
        from .question_metrics import composition_tasks, question_metrics
        from .question_tables import novel_matrix

        sizes = [len(data.splits[split]) for data in stream.tasks]
        composed = composition_tasks(stream, split)
        found |= question_metrics(matrix, sizes, composed, novel_matrix(steps, len(sizes)))
    return found


def task_row(report: Mapping[str, float], tasks: int, scenario: Scenario) -> list[float]:
    """The scores on tasks 0 .. ``tasks`` - 1 in a report of a finished task."""
    return [report[f"validation/{task_key(k)}/{SCORE[scenario]}"] for k in range(tasks)]


def validation_metrics(report: Mapping[str, float]) -> dict[str, float]:
    """The metrics of :class:`Scores` and the like in a report of a finished task."""
    prefix = "validation/"
    return {k.removeprefix(prefix): value for k, value in report.items() if k.startswith(prefix)}


def task_score(method: Method, stream: Stream, task: int, classes: int, how: Evaluation) -> float:
    """The scenario's score on one task's validation split, percent, among the first ``classes`` classes
    (recognition): what early stopping looks at.
    """
    if stream.scenario == "retrieval":
        from .evaluate import task_r_mean

        return task_r_mean(method, stream, task, "validation", how)
    if stream.scenario == "vqa":
        from .evaluate_questions import task_question_accuracy

        return task_question_accuracy(method, stream, task, "validation", how)
    from .evaluate_recognition import task_accuracy

    return task_accuracy(method, stream, task, "validation", range(classes), how)


def place_of(stream: Stream, split: str, task: int) -> str:
    """A split of task ``task`` (from 0), as messages name it."""
    return f"{stream.scenario}, {split} split of task {task + 1}"
