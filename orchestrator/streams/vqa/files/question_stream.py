"""Makes a stream from questions with graded answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ....errors import UserError
from ...numbered import numbered
from ...order import ordered
from ...source import Pictures, Questions, QuestionTables, SplitSource, StreamSource, TaskSource, WupsMeasure
from .graded import AnswerIds, GradedAnswers
from .question_columns import QuestionColumns
from .question_config import QuestionConfig

_NOT_LEARNT = "training question without an answer of the vocabulary"


@dataclass(frozen=True)
class TaskQuestions:
    """A task's questions.

    Attributes:
        name: The task's name.
        splits: ``train``, ``validation`` and ``test``.
    """

    name: str
    splits: dict[str, QuestionColumns]


@dataclass(frozen=True)
class QuestionSubjects:
    """The kinds and objects of questions.

    Attributes:
        kinds: Names of the kinds of question.
        objects: Names of the objects.
        groups: Names of the groups of objects.
        group_of: Each object's group.
    """

    kinds: Sequence[str]
    objects: Sequence[str]
    groups: Sequence[str]
    group_of: Sequence[int]


def question_stream(
    name: str,
    config: QuestionConfig,
    tasks: Sequence[TaskQuestions],
    subjects: QuestionSubjects,
    answer_ids: AnswerIds,
    *,
    pictures: Callable[[str, QuestionColumns], Pictures],
    vocabulary: Sequence[str] | None,
    answers_kept: int | None,
    held_out: int | None = None,
    regions: tuple[int, int] | None,
    image_size: int,
    matching: Literal["official", "reference"],
    content: bytes,
    wups: WupsMeasure | None = None,
    skipped: dict[str, int],
) -> StreamSource:
    """The stream of ``tasks``.

    Training questions keep the answers of the vocabulary, and are left out where none is in it, which
    ``skipped`` counts. A task's groups are shuffled by ``config.seed`` and the task's name. The stream's
    ``remarks`` say which evaluation questions are trained on as well, in whatever task.

    Args:
        name: The stream's name.
        config: The keys of the stream.
        tasks: The questions of each task, in the natural order, in which answers are numbered.
        subjects: What the questions are about.
        answer_ids: Numbers the answers.
        pictures: ``pictures(split, asked)`` gives the pictures of some questions.
        vocabulary: The answers that may be learnt, which ``answer_ids`` numbered first. None: the
            ``answers_kept`` answers that are most often the best one of a training question; of equals, the
            one that was met first.
        answers_kept: How many answers may be learnt without a vocabulary; None: all.
        held_out: The group that only the first task of ``config.order`` trains on; None: no group.
        regions: (R, F) of the pictures; None for pixels.
        image_size: The side of the pictures, in pixels.
        matching: How a given answer is compared.
        content: The digest of the pictures, for the fingerprint.
        wups: How answers are compared by WUPS; None: they are right or wrong.
        skipped: How many bad records were left out, by reason.

    Raises:
        UserError: A task has no question in one of its splits.
    """
    order = ordered(config.order, [task.name for task in tasks], "tasks")
    if held_out is not None:
        tasks = [_without(held_out, subjects, t) if i != order[0] else t for i, t in enumerate(tasks)]
    kept = (
        np.arange(len(vocabulary))
        if vocabulary is not None
        else _most_frequent([t.splits["train"].answers for t in tasks], answers_kept)
    )
    tasks = [_learnable(t, kept, len(answer_ids.texts), skipped) for t in tasks]
    _check_sizes(name, tasks)
    new, answers = _numbered(answer_ids, kept, tasks)
    digest = hashlib.sha256(content)
    shown = {**asdict(config), "data": None, "order": None}
    _update(digest, shown, answers, len(kept), *(list(column) for column in vars(subjects).values()))
    out = []
    for task, splits in zip(tasks, _split_sources(tasks, new, len(kept), pictures), strict=True):
        _update_by_task(digest, task, splits)
        groups = _shuffled(config.seed, task.name, np.array(subjects.group_of)[splits["train"].label])
        out.append(TaskSource(task.name, splits, groups=groups))
    out, number_ends = numbered(out)
    return StreamSource(
        name=name,
        scenario="vqa",
        image_size=image_size,
        categories=list(subjects.objects),
        tasks=[out[number] for number in order],
        # A mirrored or cropped picture may have another answer.
        augment="none",
        fingerprint=digest.hexdigest(),
        skipped=dict(skipped),
        remarks=tuple(_known(tasks)),
        number_ends=number_ends,
        tables=QuestionTables(
            answers=answers,
            vocabulary=len(kept),
            kinds=list(subjects.kinds),
            groups=list(subjects.groups),
            group_of=list(subjects.group_of),
            held_out=held_out,
            regions=regions,
            matching=matching,
            wups=wups,
        ),
    )


def _check_sizes(stream: str, tasks: Sequence[TaskQuestions]) -> None:
    for task in tasks:
        for split, asked in task.splits.items():
            if not len(asked):
                raise UserError(
                    f"stream {stream}: task {task.name!r} has no sound {split} questions, "
                    "allowed: at least one"
                )


def _split_sources(
    tasks: Sequence[TaskQuestions],
    new: np.ndarray,
    kept: int,
    pictures: Callable[[str, QuestionColumns], Pictures],
) -> Iterator[dict[str, SplitSource]]:
    """Each task's splits. Their questions have room for as many answers as any question of the stream has."""
    most = {"train": kept}
    graded = [{s: _graded(q, new, most.get(s)) for s, q in t.splits.items()} for t in tasks]
    width = max(int(np.bincount(row).max()) for by_split in graded for row, _, _ in by_split.values())
    for task, by_split in zip(tasks, graded, strict=True):
        yield {
            split: _source(asked, pictures(split, asked), by_split[split], width)
            for split, asked in task.splits.items()
        }


def _update_by_task(digest: hashlib._Hash, task: TaskQuestions, splits: dict[str, SplitSource]) -> None:
    for split, source in splits.items():
        _update(digest, task.name, split, source.ids, source.captions, task.splits[split].pictures)
        for column in (source.label, *vars(source.questions).values()):
            digest.update(np.ascontiguousarray(column))


def _without(held_out: int, subjects: QuestionSubjects, task: TaskQuestions) -> TaskQuestions:
    train = task.splits["train"]
    rows = [row for row, category in enumerate(train.category) if subjects.group_of[category] != held_out]
    return TaskQuestions(task.name, {**task.splits, "train": train.take(rows)})


def _most_frequent(trained: Sequence[GradedAnswers], most: int | None) -> np.ndarray:
    count = np.zeros(0, np.int64)
    for answers in trained:
        row, number, score = answers.columns()
        if not len(row):
            continue
        best = np.full(len(answers), -1.0)
        np.maximum.at(best, row, score)
        hit = score == best[row]
        _, first = np.unique(row[hit], return_index=True)
        own = np.bincount(number[hit][first])
        count = np.pad(count, (0, max(len(own) - len(count), 0)))
        count[: len(own)] += own
    order = np.argsort(-count, kind="stable")
    return order[: np.count_nonzero(count)][:most]


def _learnable(task: TaskQuestions, kept: np.ndarray, total: int, skipped: dict[str, int]) -> TaskQuestions:
    """The task with those training questions that have an answer in the vocabulary."""
    allowed = np.zeros(total, bool)
    allowed[kept] = True
    train = task.splits["train"]
    row, number, score = train.answers.columns()
    rows = np.unique(row[allowed[number] & (score > 0)])
    missing = len(train) - len(rows)
    if missing:
        skipped[_NOT_LEARNT] = skipped.get(_NOT_LEARNT, 0) + missing
        train = train.take(rows.tolist())
    return TaskQuestions(task.name, {**task.splits, "train": train})


def _numbered(
    answer_ids: AnswerIds, kept: np.ndarray, tasks: Sequence[TaskQuestions]
) -> tuple[np.ndarray, list[str]]:
    """The stream's number of each answer of ``answer_ids``, with -1 for an answer that no question of the
    stream needs; and the stream's answers, first those of the vocabulary and then those that only serve for
    comparison.
    """
    asked = [t.splits[s].answers.columns()[1] for t in tasks for s in ("validation", "test")]
    others = np.setdiff1d(np.concatenate(asked), kept)
    new = np.full(len(answer_ids.texts), -1, np.int32)
    order = np.concatenate([kept, others])
    new[order] = np.arange(len(order))
    return new, [answer_ids.texts[i] for i in order]


def _graded(
    asked: QuestionColumns, new: np.ndarray, most: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The row, the stream's number and the score of each answer whose number is below ``most``."""
    row, number, score = asked.answers.columns()
    number = new[number]
    known = number >= 0 if most is None else (number >= 0) & (number < most)
    return row[known], number[known], score[known]


def _source(
    asked: QuestionColumns, pictures: Pictures, graded: tuple[np.ndarray, np.ndarray, np.ndarray], width: int
) -> SplitSource:
    row, number, score = graded
    answer = np.full((len(asked), width), -1, np.int32)
    worth = np.zeros((len(asked), width), np.float32)
    column = np.arange(len(row)) - np.searchsorted(row, row)
    answer[row, column], worth[row, column] = number, score
    return SplitSource(
        pictures=pictures,
        captions=asked.texts,
        label=np.array(asked.category, np.int32),
        ids=asked.ids,
        questions=Questions(np.array(asked.kind, np.int32), answer, worth),
    )


def _known(tasks: Sequence[TaskQuestions]) -> Iterator[str]:
    """A line where validation questions are training questions, and one where test questions are training or
    validation questions.
    """
    ids = {s: [i for t in tasks for i in t.splits[s].ids] for s in ("train", "validation", "test")}
    known = set(ids["train"])
    for split, others in (("validation", "training"), ("test", "training or validation")):
        if same := [item for item in ids[split] if item in known]:
            yield (
                f"{len(same)} of {len(ids[split])} {split} questions are {others} questions as well, such as "
                f"{same[0]}"
            )
        known.update(ids[split])


def _shuffled(seed: int, task: str, groups: np.ndarray) -> tuple[int, ...]:
    # The task's own name seeds its draw, so that it does not change with the order of the tasks.
    own = int.from_bytes(hashlib.sha256(task.encode()).digest()[:8], "little")
    return tuple(np.random.default_rng([seed, own]).permutation(np.unique(groups)).tolist())


def _update(digest: hashlib._Hash, *values: Any) -> None:
    digest.update(json.dumps(values).encode())
