"""Evaluation of visual question answering: soft accuracy, in all the ways in which it is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from methods.method import Answers, Batch, Method

from ..numerics.finite import check_rows
from ..storage.task_key import task_key
from ..streams.source import QuestionTables
from ..streams.stream import Stream
from .answer_index import AnswerIndex, answer_index
from .distributed import gather_rows, own_batches
from .metric_names import metric_names
from .protocol import Evaluation, Scores, describe_split, is_last_look

_CLUES = ("image", "text", "fusion")


@dataclass(frozen=True)
class _Rows:
    """N questions: arrays (N,) of what the answers were worth (0 .. 1), of the answers' numbers (-1 without
    one), and of the questions' kinds, object groups and tasks.

    ``taken_for`` has, by name, the task that the method took each question for, (N,), where the method said.
    """

    score: np.ndarray
    answer: np.ndarray
    kind: np.ndarray
    group: np.ndarray
    task: np.ndarray
    taken_for: dict[str, np.ndarray]


@torch.no_grad()
def evaluate_questions(
    method: Method,
    stream: Stream,
    split: Literal["validation", "test"],
    *,
    tasks: int,
    seen: int,
    how: Evaluation,
) -> Scores:
    """Scores each task by itself, and the tasks seen together, in percent.

    ``by_task`` is the mean soft accuracy (:func:`~orchestrator.metrics.vqa_accuracy.answer_scores`) of each
    task. Where the stream is measured by WUPS it is the mean of :class:`~orchestrator.metrics.wups.Wups`,
    which is called accuracy all the same. An untrained method (``seen`` = 0) is not asked, since it has no
    answers: its scores are 0, and it has no metrics. The questions of a task not yet seen are asked like any
    others.

    ``metrics`` has ``task_01/accuracy`` ... and, over all questions of the tasks seen: ``seen/accuracy``;
    ``kind/NAME`` and ``group/NAME``, of each kind of question and of the objects of each group; after the
    last task ``cell/KIND/GROUP``, of both; ``recognition/image``, ``/text`` and ``/fusion``, how often the
    method knew a question's task, where it says so. Where a group is held out, it has ``novel/task_02`` ...
    of that group's questions alone, and ``novel/accuracy``, their mean. A kind or group without questions is
    left out.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        split: The split of each task.
        tasks: Tasks 0 .. ``tasks`` - 1 are scored one by one.
        seen: Tasks 0 .. ``seen`` - 1 are scored together; ``seen`` <= ``tasks``.
        how: How the method is evaluated, as :func:`~orchestrator.evaluation.scenarios.evaluate`.
    """
    if not seen:
        return Scores(np.zeros(tasks), {})
    rows = [_measure(method, stream, k, split, how) for k in range(tasks)]
    by_task = np.array([_percent(task.score) for task in rows])
    metrics = {f"{task_key(k)}/accuracy": float(value) for k, value in enumerate(by_task)}
    known = _joined(rows[:seen])
    metrics["seen/accuracy"] = _percent(known.score)
    metrics |= _by_kind_and_group(known, stream.tables, cells=seen == len(stream.tasks))
    metrics |= {f"recognition/{clue}": _percent(k == known.task) for clue, k in known.taken_for.items()}
    said = _said(known) if is_last_look(stream, split, seen) else {}
    return Scores(by_task, metrics | _novel(known, stream.tables.held_out), said)


@torch.no_grad()
def task_question_accuracy(method: Method, stream: Stream, task: int, split: str, how: Evaluation) -> float:
    """Returns the mean soft accuracy on one split of a task, in percent.

    Args:
        method: The method that is evaluated.
        stream: The stream.
        task: The task's number, from 0.
        split: The split's name.
        how: How the method is evaluated.
    """
    return _percent(_measure(method, stream, task, split, how).score)


def _measure(method: Method, stream: Stream, task: int, name: str, how: Evaluation) -> _Rows:
    """The scores of the questions of a split of ``task``, in the split's order, alike on all ranks."""
    split = stream.tasks[task].splits[name]
    method.eval()
    index = answer_index(stream)
    parts, places = [], []
    for batch in own_batches(method, split, how):
        # The method must not see what the answers are worth.
        question = replace(batch, kind=None, answer=None, score=None)
        with torch.autocast(how.device.type, torch.bfloat16, enabled=how.precision == "bf16"):
            answered = method.answer(question)
        score = _scores(index, answered, batch)
        told = [answered.score.to(how.device), *_taken_for(answered, len(batch), how)]
        number = torch.from_numpy(index.numbers(answered.texts))
        columns = [score.to(how.device), number.to(how.device), batch.kind, batch.label, *told]
        parts.append(torch.stack([column.float() for column in columns], 1))
        places.append(batch.row)
    table = gather_rows(parts, places, len(split), how.device).double().cpu().T
    check_rows(table[4], "the answer's score", describe_split(stream, name, task))
    score, number, kind, label, _, *taken = table.numpy()
    said = {c: k.astype(int) for c, k in zip(_CLUES, taken, strict=True) if not np.isnan(k).any()}
    group = stream.group_of(label.astype(int))
    return _Rows(score, number.astype(int), kind.astype(int), group, np.full(len(score), task), said)


def _scores(index: AnswerIndex, answered: Answers, batch: Batch) -> Tensor:
    if len(answered.texts) != len(batch):
        raise ValueError(f"{len(answered.texts)} answers to {len(batch)} questions")
    kind, answer, score = (column.cpu().numpy() for column in (batch.kind, batch.answer, batch.score))
    return torch.from_numpy(index.scores(answered.texts, kind, answer, score))


def _taken_for(answered: Answers, questions: int, how: Evaluation) -> list[Tensor]:
    """One column (B,) for each clue, NaN where the method does not go by that clue."""
    if unknown := set(answered.tasks) - set(_CLUES):
        raise ValueError(f"tasks are known by {', '.join(_CLUES)}, not by {', '.join(sorted(unknown))}")
    nothing = torch.full((questions,), torch.nan, device=how.device)
    return [answered.tasks.get(clue, nothing).to(how.device) for clue in _CLUES]


def _joined(rows: list[_Rows]) -> _Rows:
    columns = [
        np.concatenate(c)
        for c in zip(*((r.score, r.answer, r.kind, r.group, r.task) for r in rows), strict=True)
    ]
    clues = [clue for clue in _CLUES if all(clue in r.taken_for for r in rows)]
    return _Rows(*columns, {clue: np.concatenate([r.taken_for[clue] for r in rows]) for clue in clues})


def _said(known: _Rows) -> dict[str, np.ndarray]:
    """What is kept of each question (:data:`~orchestrator.evaluation.kept_predictions.COLUMNS`)."""
    return {name: getattr(known, name) for name in ("task", "kind", "group", "answer", "score")}


def _by_kind_and_group(known: _Rows, tables: QuestionTables, cells: bool) -> dict[str, float]:
    kinds = {f"kind/{n}": known.kind == i for i, n in enumerate(metric_names(tables.kinds))}
    groups = {f"group/{n}": known.group == i for i, n in enumerate(metric_names(tables.groups))}
    both = {
        f"cell/{kind.removeprefix('kind/')}/{group.removeprefix('group/')}": of_kind & of_group
        for kind, of_kind in kinds.items()
        for group, of_group in groups.items()
        if cells
    }
    return {n: _percent(known.score[there]) for n, there in (kinds | groups | both).items() if there.any()}


def _novel(known: _Rows, held_out: int | None) -> dict[str, float]:
    """Metrics of the group held out, from the second task on, since the first task trains on that group."""
    if held_out is None:
        return {}
    metrics = {}
    for k in np.unique(known.task[(known.group == held_out) & (known.task > 0)]):
        asked = (known.task == k) & (known.group == held_out)
        metrics[f"novel/{task_key(k)}"] = _percent(known.score[asked])
    return metrics | ({"novel/accuracy": float(np.mean(list(metrics.values())))} if metrics else {})


def _percent(values: np.ndarray) -> float:
    return float(100 * values.mean())
