"""The interface of all evaluators: how an evaluator is told to evaluate, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from methods.method import Batch, Scenario

from ..storage.task_key import task_key
from ..streams.stream import Stream

SCORE: dict[Scenario, str] = {"retrieval": "r_mean", "recognition": "accuracy", "vqa": "accuracy"}
"""The score from which a stream's task-by-task matrix is made: ``task_01/SCORE`` ... of a report."""


HEADLINE: dict[Scenario, str] = {"retrieval": "seen/r_mean", "recognition": "average", "vqa": "average"}
"""The metric by which a run is judged unless another one is named."""


@dataclass(frozen=True)
class Evaluation:
    """How a method is evaluated.

    Attributes:
        device: Where the method is.
        batch_size: Samples that are scored together.
        precision: ``fp32`` or ``bf16``.
        encode: Puts a frozen encoder's features in the place of pixels.
        deterministic: Whether only deterministic algorithms are used.
        seed: The seed by which pictures are shuffled in recognition.
    """

    device: torch.device
    batch_size: int
    precision: str
    encode: Callable[[Batch], Batch] = lambda batch: batch
    deterministic: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Scores:
    """The result of one evaluation over several tasks.

    Attributes:
        by_task: (K,), the scenario's score of each task, in percent.
        metrics: A flat mapping whose names lack the split's prefix: ``task_01/SCORE`` ..., and the metrics
            over all tasks seen.
        predictions: Of the test split once all tasks of the stream have been seen, what the method said of
            each sample: the columns of :data:`~orchestrator.evaluation.kept_predictions.COLUMNS`, each (N,),
            task by task in the order of the splits. Else empty.
    """

    by_task: np.ndarray
    metrics: dict[str, float]
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)


def is_last_look(stream: Stream, split: str, seen: int) -> bool:
    """Whether an evaluation is of the test splits of a stream whose tasks have all been seen.

    Args:
        stream: The stream.
        split: The name of the split that is evaluated.
        seen: How many tasks have been seen.
    """
    return split == "test" and seen == len(stream.tasks)


def task_row(report: Mapping[str, float], tasks: int, scenario: Scenario) -> list[float]:
    """Returns the scores on tasks 0 .. ``tasks`` - 1.

    Args:
        report: The report of a finished task.
        tasks: How many tasks are wanted.
        scenario: The stream's scenario.
    """
    return [report[f"validation/{task_key(k)}/{SCORE[scenario]}"] for k in range(tasks)]


def validation_metrics(report: Mapping[str, float]) -> dict[str, float]:
    """Returns the validation metrics in the report of a finished task, named as in :class:`Scores`."""
    prefix = "validation/"
    return {k.removeprefix(prefix): value for k, value in report.items() if k.startswith(prefix)}


def describe_split(stream: Stream, split: str, task: int) -> str:
    """Describes a split for messages.

    Args:
        stream: The split's stream.
        split: The split's name.
        task: The split's task, from 0.
    """
    return f"{stream.scenario}, {split} split of task {task + 1}"
