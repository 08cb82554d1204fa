"""What counts in each scenario, and who measures it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from numpy.typing import ArrayLike

from methods.method import Method

from ..config import RunConfig
from ..features.frozen import frozen_encoder
from ..metrics.matrix import matrix_metrics
from ..numerics.deterministic import deterministic
from ..numerics.diverged import Diverged
from ..streams.stream import Stream
from .protocol import Evaluation, Scores
from .recognition import evaluate_recognition, task_accuracy
from .retrieval import evaluate_retrieval, task_r_mean
from .vqa import evaluate_questions, task_question_accuracy
from .vqa_summary import composition_tasks, question_metrics
from .vqa_tables import novel_matrix


def evaluation_of(config: RunConfig, stream: Stream, device: torch.device) -> Evaluation:
    """How the trials of a configuration are evaluated on ``device``."""
    encode = frozen_encoder(config, stream, device)
    run = config.run
    return Evaluation(device, run.eval_batch_size, run.precision, encode, run.deterministic)


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

    Raises :class:`~orchestrator.numerics.diverged.Diverged`, on all ranks alike, where what the model says
    of a sample, or a metric, is not finite. Where ``how.deterministic``, as
    :func:`~orchestrator.numerics.deterministic.deterministic`.
    """
    measures = {
        "retrieval": evaluate_retrieval,
        "recognition": evaluate_recognition,
        "vqa": evaluate_questions,
    }
    measure = measures[stream.scenario]
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

    ``matrix`` and ``random_baseline``: as :func:`~orchestrator.metrics.matrix.matrix_metrics`, which is all
    but in vqa, where :func:`~orchestrator.evaluation.vqa_summary.question_metrics` comes beside it.
    ``steps``: the metrics of each evaluation (:class:`Scores`), one a row of the matrix.
    """
    found = matrix_metrics(matrix, random_baseline)
    if stream.scenario == "vqa":
        sizes = [len(data.splits[split]) for data in stream.tasks]
        composed = composition_tasks(stream, split)
        found |= question_metrics(matrix, sizes, composed, novel_matrix(steps, len(sizes)))
    return found


def task_score(method: Method, stream: Stream, task: int, classes: int, how: Evaluation) -> float:
    """The scenario's score on one task's validation split, percent, among the first ``classes`` classes
    (recognition): what early stopping looks at.
    """
    if stream.scenario == "retrieval":
        return task_r_mean(method, stream, task, "validation", how)
    if stream.scenario == "vqa":
        return task_question_accuracy(method, stream, task, "validation", how)
    return task_accuracy(method, stream, task, "validation", range(classes), how)
