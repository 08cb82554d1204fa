"""Chooses by scenario the code that evaluates and the score."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
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
from .recognition import evaluate_recognition, task_accuracy, task_aware_matrix
from .retrieval import evaluate_retrieval, task_r_mean
from .retrieval_summary import checkpoint_metrics
from .vqa import evaluate_questions, task_question_accuracy
from .vqa_summary import composition_tasks, question_metrics
from .vqa_tables import novel_matrix


def evaluation_of(config: RunConfig, stream: Stream, device: torch.device) -> Evaluation:
    """Returns how the trials of a configuration are evaluated.

    Args:
        config: The trials' configuration.
        stream: Their stream.
        device: Where they are evaluated.
    """
    encode = frozen_encoder(config, stream, device)
    run = config.run
    return Evaluation(device, run.eval_batch_size, run.precision, encode, run.deterministic, run.seed)


def evaluate(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores each task by itself, and the tasks seen together.

    Args:
        method: The method that is evaluated.
        stream: The stream, whose scenario decides what is measured.
        split: The split of each task.
        tasks: Tasks 0 .. ``tasks`` - 1 are scored one by one.
        seen: Tasks 0 .. ``seen`` - 1 are scored together; ``seen`` <= ``tasks``.
        how: How the method is evaluated. With ``how.deterministic``,
            :func:`~orchestrator.numerics.deterministic.deterministic` algorithms alone are used.

    Raises:
        Diverged: An output of the model, or a metric, is not finite
            (:class:`~orchestrator.numerics.diverged.Diverged`). All ranks raise it.
    """
    measures = {
        "retrieval": evaluate_retrieval,
        "recognition": evaluate_recognition,
        "vqa": evaluate_questions,
    }
    measure = measures[stream.scenario]
    with deterministic(how.deterministic):
        scores = measure(method, stream, split, tasks=tasks, seen=seen, how=how)
    for name, value in scores.metrics.items():
        if not math.isfinite(value):
            raise Diverged(f"{name} is {value}: {stream.scenario}, {split} splits, {seen} task(s) seen")
    return scores


def summary_metrics(
    stream: Stream,
    split: Literal["validation", "test"],
    matrix: ArrayLike,
    steps: Sequence[Mapping[str, float]],
    random_baseline: ArrayLike | None = None,
) -> dict[str, float]:
    """Summarises the evaluations of a walk. Metrics that are not defined yet are left out.

    They are those of :func:`~orchestrator.metrics.matrix.matrix_metrics` and, in vqa, those of
    :func:`~orchestrator.evaluation.vqa_summary.question_metrics` as well; in retrieval, on test data, those
    of :func:`~orchestrator.evaluation.retrieval_summary.checkpoint_metrics`. In recognition the averages are
    over all pictures. Task-aware forgetting is, in recognition, among each task's own classes; in retrieval
    it is forgetting itself, since a task is scored among its own candidates; in vqa there is none, since an
    answer is given as text and a method is asked to choose among no answers.

    Args:
        stream: The stream.
        split: The split that was evaluated.
        matrix: As of :func:`~orchestrator.metrics.matrix.matrix_metrics`.
        steps: The metrics of each evaluation (:class:`Scores`), one for each row of the matrix.
        random_baseline: As of :func:`~orchestrator.metrics.matrix.matrix_metrics`.
    """
    sizes = [len(data.splits[split]) for data in stream.tasks]
    if stream.scenario == "recognition":
        own = task_aware_matrix(steps, np.shape(matrix)[1])
        return matrix_metrics(matrix, random_baseline, sizes=sizes, task_aware=own)
    if stream.scenario == "retrieval":
        return matrix_metrics(matrix, random_baseline, task_aware=matrix) | checkpoint_metrics(steps)
    composed = composition_tasks(stream, split)
    questions = question_metrics(matrix, sizes, composed, novel_matrix(steps, len(sizes)))
    return matrix_metrics(matrix, random_baseline) | questions


def task_score(method: Method, stream: Stream, task: int, classes: int, how: Evaluation) -> float:
    """Returns the scenario's score on one task's validation split, in percent. Early stopping goes by it.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        task: The task's number, from 0.
        classes: In recognition, the first ``classes`` classes compete.
        how: How the method is evaluated.
    """
    if stream.scenario == "retrieval":
        return task_r_mean(method, stream, task, "validation", how)
    if stream.scenario == "vqa":
        return task_question_accuracy(method, stream, task, "validation", how)
    return task_accuracy(method, stream, task, "validation", range(classes), how)
