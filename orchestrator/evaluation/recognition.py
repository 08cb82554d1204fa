"""Evaluation of recognition: accuracy, calibration, novel classes and drift, from one pass over each task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Batch, Method

from ..metrics.recognition import (
    batch_calibration_error,
    calibration_error,
    harmonic_mean,
    novelty_confidence,
    novelty_detection,
)
from ..numerics.finite import check_rows
from ..seeding import hashed
from ..storage.task_key import task_key
from ..streams.stream import Stream
from .distributed import batch_size_of, gather_rows, own_batches
from .drift import Drift
from .protocol import Evaluation, Scores, describe_split, is_last_look

_Columns = dict[str, np.ndarray]


@torch.no_grad()
def evaluate_recognition(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores each task by itself, and the tasks seen together. Scores are in percent, angles in degrees.

    Pictures are scored in batches of ``method.eval_batch_size`` where the method has one. A split is sorted
    by class, so each is shuffled by ``how.seed``, as the released code of CLAP4CLIP shuffles them: there the
    scores depend on the other pictures of a batch, and the mean of batches' calibration errors does for every
    method. The order is the same in every evaluation, so that no change of a score comes from the shuffling.

    ``by_task`` is the accuracy among the classes seen. On a task not yet seen it is the accuracy among the
    classes up to that task's own.

    ``metrics`` has, where ``seen`` is above 0: ``task_01/accuracy`` ...; ``task_01/task_aware_accuracy`` ...,
    among the task's own classes; ``seen/accuracy``, over all pictures of the tasks seen; ``seen/ece`` and
    ``seen/ece_batch_mean``; ``drift/angle`` and ``drift/task_01`` ..., of
    :class:`~orchestrator.evaluation.drift.Drift`.

    Where there are tasks not yet seen, ``metrics`` also has, from the same split of those tasks:
    ``unseen/accuracy``, among the classes not yet seen, as MMA's "new"; ``harmonic_mean``, of that and
    ``seen/accuracy``; ``detection/auroc``, ``detection/aupr`` and ``detection/fpr95``, of those tasks'
    pictures by the energy of the seen classes' logits.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        split: The split of each task.
        tasks: Tasks 0 .. ``tasks`` - 1 are scored one by one.
        seen: Tasks 0 .. ``seen`` - 1 have been seen; ``seen`` <= ``tasks``.
        how: How the method is evaluated.

    Raises:
        Diverged: A logit or a feature is not finite (:class:`~orchestrator.numerics.diverged.Diverged`).
    """
    method.eval()
    classes = [data.task.classes for data in stream.tasks]
    learnt = range(classes[seen - 1].stop if seen else 0)
    drift = Drift(len(learnt), how.device)
    known: list[_Columns] = []
    for k in range(seen):
        measure = partial(_known, method, learnt, classes[k], drift)
        names = ("correct", "task_aware", "confidence", "energy", "label", "predicted")
        known.append(_measure(method, stream, k, split, how, names, measure))
    novel: list[_Columns] = []
    for k in range(seen, len(classes) if seen else tasks):
        measure = partial(
            _novel,
            method,
            range(classes[k].stop) if k < tasks else None,
            range(learnt.stop, classes[-1].stop) if seen else None,
            learnt,
        )
        names = ("correct",) * (k < tasks) + ("unseen", "energy") * bool(seen)
        novel.append(_measure(method, stream, k, split, how, names, measure))
    by_task = np.array([100 * columns["correct"].mean() for columns in [*known, *novel][:tasks]])
    if not seen:
        return Scores(by_task, {})
    metrics = {f"{task_key(k)}/accuracy": float(value) for k, value in enumerate(by_task)}
    for k, columns in enumerate(known):
        metrics[f"{task_key(k)}/task_aware_accuracy"] = float(100 * columns["task_aware"].mean())
    metrics |= _of_seen(known, batch_size_of(method, how), how.seed)
    if novel:
        metrics |= _of_unseen(known, novel, metrics["seen/accuracy"])
    said = _said(known) if is_last_look(stream, split, seen) else {}
    return Scores(by_task, metrics | drift.metrics(classes[:seen]), said)


@torch.no_grad()
def task_accuracy(
    method: Method, stream: Stream, task: int, split: str, classes: range, how: Evaluation
) -> float:
    """Returns the accuracy on one split of a task, in percent.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        task: The task's number, from 0.
        split: The split's name.
        classes: The classes that compete.
        how: How the method is evaluated.
    """
    method.eval()
    measure = partial(_novel, method, classes, None, None)
    columns = _measure(method, stream, task, split, how, ("correct",), measure)
    return float(100 * columns["correct"].mean())


def task_aware_matrix(steps: Sequence[Mapping[str, float]], tasks: int) -> np.ndarray:
    """Collects ``task_01/task_aware_accuracy`` ... from the metrics of S evaluations.

    Args:
        steps: The metrics of each evaluation.
        tasks: The number of tasks T.

    Returns:
        (S, T), NaN where nothing was measured, as on tasks to come.
    """
    names = [f"{task_key(k)}/task_aware_accuracy" for k in range(tasks)]
    return np.array([[step.get(name, np.nan) for name in names] for step in steps], dtype=float)


def _known(method: Method, learnt: range, own: range, drift: Drift, batch: Batch) -> list[Tensor]:
    logits = method.predict(batch, learnt).float()
    image, text = method.embed(batch, "image"), method.class_features(batch, learnt)
    drift.add(batch.label, image, text)
    # A feature that is not finite shows in no logit, and an angle without a number is left out. So its
    # picture's logits become NaN.
    sound = image.isfinite().all(-1) & text.isfinite().all()
    logits = torch.where(sound[:, None], logits, torch.nan)
    return [
        _correct(logits, batch.label),
        _correct(logits[:, own.start : own.stop], batch.label - own.start),
        logits.softmax(-1).amax(-1),
        novelty_confidence(logits[None]),
        batch.label.float(),
        logits.argmax(-1).float(),
    ]


def _novel(
    method: Method, among: range | None, unseen: range | None, learnt: range | None, batch: Batch
) -> list[Tensor]:
    columns = [
        _correct(method.predict(batch, classes), batch.label - classes.start)
        for classes in (among, unseen)
        if classes is not None
    ]
    if learnt:
        columns.append(novelty_confidence(method.predict(batch, learnt).float()[None]))
    return columns


def _correct(logits: Tensor, label: Tensor) -> Tensor:
    """(B,): 1 where the best of ``logits`` (B, C) is the class ``label``, else 0; NaN where a logit is not
    finite.
    """
    hit = (logits.argmax(-1) == label).float()
    return torch.where(logits.isfinite().all(-1), hit, torch.nan)


def _measure(
    method: Method,
    stream: Stream,
    task: int,
    name: str,
    how: Evaluation,
    names: Sequence[str],
    measure: Callable[[Batch], list[Tensor]],
) -> _Columns:
    """What ``measure`` says of each picture: name -> (N,) in the split's order, alike on all ranks."""
    split = stream.tasks[task].splits[name]
    parts, places = [], []
    for batch in own_batches(method, split, how, _shuffled(how.seed, len(split))):
        with torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16"):
            parts.append(torch.stack(measure(batch), 1))
        places.append(batch.row)
    table = gather_rows(parts, places, len(split), how.device).double().cpu()
    check_rows(table, "a logit or feature", describe_split(stream, name, task))
    return dict(zip(names, table.numpy().T, strict=True))


def _joined(tasks: Sequence[_Columns], name: str) -> np.ndarray:
    return np.concatenate([columns[name] for columns in tasks])


def _said(known: Sequence[_Columns]) -> dict[str, np.ndarray]:
    """What is kept of each picture (:data:`~orchestrator.evaluation.kept_predictions.COLUMNS`)."""
    sizes = [len(columns["label"]) for columns in known]
    return {
        "task": np.repeat(np.arange(len(known)), sizes),
        "label": _joined(known, "label").astype(int),
        "predicted": _joined(known, "predicted").astype(int),
        "confidence": _joined(known, "confidence"),
    }


def _shuffled(seed: int, rows: int) -> np.ndarray:
    """The order in which so many pictures are scored."""
    return np.argsort(hashed(seed, np.arange(rows)))


def _of_seen(known: Sequence[_Columns], batch_size: int, seed: int) -> dict[str, float]:
    correct, confidence = _joined(known, "correct"), _joined(known, "confidence")
    # The inverse of the order has each row's position in it.
    places = [np.argsort(_shuffled(seed, len(columns["correct"]))) for columns in known]
    batch = np.concatenate([k * 2**32 + own // batch_size for k, own in enumerate(places)])
    return {
        "seen/accuracy": float(100 * correct.mean()),
        "seen/ece": calibration_error(confidence, correct),
        "seen/ece_batch_mean": batch_calibration_error(confidence, correct, batch),
    }


def _of_unseen(
    known: Sequence[_Columns], novel: Sequence[_Columns], seen_accuracy: float
) -> dict[str, float]:
    accuracy = float(100 * _joined(novel, "unseen").mean())
    detection = novelty_detection(_joined(known, "energy"), _joined(novel, "energy"))
    return {
        "unseen/accuracy": accuracy,
        "harmonic_mean": harmonic_mean(seen_accuracy, accuracy),
        **{f"detection/{name}": value for name, value in detection.items()},
    }
