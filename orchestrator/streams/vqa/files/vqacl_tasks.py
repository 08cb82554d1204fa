"""VQACL's tasks over VQA v2: each is a kind of question (Zhang et al., CVPR 2023)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from ...bad_records import BadRecords
from ...called import called
from .annotations import Annotation, read_annotations
from .coco_pictures import CocoPictures
from .graded import AnswerIds
from .partition import PartitionRecord, read_partition
from .question_columns import LISTED_TWICE, QuestionColumns
from .question_stream import TaskQuestions
from .worth import worth

_FILES = {"train": "train", "validation": "val", "test": "test"}
_NO_OBJECT = "picture without an object in ImgId_cate_map.json"
_NO_GROUP = "picture whose object id is in no group"


def vqacl_tasks(
    root: str,
    kinds: Sequence[str],
    objects: Mapping[str, int],
    pictures: CocoPictures,
    answer_ids: AnswerIds,
    vocabulary: Collection[str] | None,
    matching: Literal["official", "reference"],
    bad: BadRecords,
) -> list[TaskQuestions]:
    """The questions of each of ``kinds``.

    Training questions have their label's answers. The other questions have the scores of their annotators'
    answers, or those of their label's answers where the annotators' answers are not known. A question about a
    picture whose object is unknown or in no group is skipped and counted; the released code skips it
    silently. A question that a file holds twice is skipped too.

    Args:
        root: A folder with ``vqa/Partition_Q/karpathy_{train,val,test}_q_KIND.json`` and, for questions whose
            records hold no annotators' answers, ``vqa/v2_mscoco_{train,val}2014_annotations.json``.
        kinds: Some of :data:`KINDS`.
        objects: Each picture's object; -1 for an object in no group.
        pictures: The pictures.
        answer_ids: Numbers the answers.
        vocabulary: The answers that may be learnt; None: any.
        matching: How a given answer is compared.
        bad: ``bad(message, reason)`` is called for each record that is malformed, has no answer, has an
            answer that is not in ``vocabulary`` (in training), or has no picture. The record is left out.
            ``bad`` may raise.
    """
    parts = [
        _read_part(root, number, kind, split, objects, pictures, answer_ids, vocabulary, matching, bad)
        for number, kind in enumerate(kinds)
        for split in _FILES
    ]
    pending = {int(part.asked.ids[row]) for part in parts for row in part.rough}
    annotations = _annotations(root, pending, bad)
    tasks = {kind: TaskQuestions(kind, {}) for kind in kinds}
    for part in parts:
        how = "official" if part.split == "train" else matching
        tasks[part.kind].splits[part.split] = _answered(part, annotations, how, bad)
    return list(tasks.values())


class _Part(NamedTuple):
    """The questions of one file. The ``rough`` rows have only the answers of their label."""

    kind: str
    split: str
    path: str
    asked: QuestionColumns
    rough: set[int]


def _read_part(
    root: str,
    number: int,
    kind: str,
    split: str,
    objects: Mapping[str, int],
    pictures: CocoPictures,
    answer_ids: AnswerIds,
    vocabulary: Collection[str] | None,
    matching: Literal["official", "reference"],
    bad: BadRecords,
) -> _Part:
    path = f"{root}/vqa/Partition_Q/karpathy_{_FILES[split]}_q_{kind}.json"
    part, seen = _Part(kind, split, path, QuestionColumns.empty(answer_ids), set()), set()
    for record in read_partition(path, bad):
        category = objects.get(record.picture)
        if record.question in seen:
            bad.pass_over(f"{record.where}: is listed twice", LISTED_TWICE)
            continue
        seen.add(record.question)
        if category is None:
            missing = f"picture {record.picture} is not in ImgId_cate_map.json, {called(objects)}"
            bad.pass_over(f"{record.where}: {missing}", _NO_OBJECT)
        elif category < 0:
            bad.pass_over(f"{record.where}: picture {record.picture} is in no group", _NO_GROUP)
        elif fault := pictures.fault(record.picture):
            bad(f"{record.where}: {fault[0]}", fault[1])
        elif fault := _label_fault(record, vocabulary) if split == "train" else None:
            bad(f"{record.where}: {fault}", "answer is not in the vocabulary")
        else:
            own, known = _answers(record, split, matching)
            if not known:
                part.rough.add(len(part.asked))
            part.asked.append(str(record.question), record.picture, record.text, category, number, own)
    return part


def _label_fault(record: PartitionRecord, vocabulary: Collection[str] | None) -> str | None:
    if vocabulary is None or record.label is None:
        return None
    for answer in record.label:
        if answer not in vocabulary:
            return f"label: {answer!r} is not in the vocabulary, allowed: an answer of vqa/trainval_*.json"
    return None


def _answers(
    record: PartitionRecord, split: str, matching: Literal["official", "reference"]
) -> tuple[dict[str, float], bool]:
    """A question's answers as its record has them, and whether no annotation could add to them."""
    if split == "train" and record.label is not None:
        return record.label, True
    if record.answers is not None:
        return worth(record.answers, "official" if split == "train" else matching), True
    return record.label or {}, False


def _annotations(
    root: str, wanted: set[int], bad: Callable[[str, str], None]
) -> dict[int, Annotation | None]:
    out: dict[int, Annotation | None] = {}
    for part in ("train", "val"):
        path = f"{root}/vqa/v2_mscoco_{part}2014_annotations.json"
        if wanted and os.path.exists(path):
            out.update(read_annotations(path, wanted, bad))
    return out


def _answered(
    part: _Part,
    annotations: Mapping[int, Annotation | None],
    matching: Literal["official", "reference"],
    bad: Callable[[str, str], None],
) -> QuestionColumns:
    """The questions that have an answer."""
    _, split, path, asked, rough = part
    better: dict[int, dict[str, float]] = {}
    gone: set[int] = set()
    for row in sorted(rough):
        item = int(asked.ids[row])
        if item not in annotations:
            continue
        said = annotations[item]
        if said is None:  # malformed, and counted already
            gone.add(row)
        else:
            better[row] = worth(said.answers, matching)
    if better:
        asked.answers = asked.answers.replaced(better)
    some = set(asked.answers.columns()[0].tolist())
    for row in range(len(asked)):
        # A training question with an empty label is one whose answers are all outside the vocabulary.
        if row in some or row in gone or (split == "train" and row not in rough):
            continue
        bad(
            f"{path}: question {asked.ids[row]}: has no answer, allowed: label, answers, or an annotation in "
            "vqa/v2_mscoco_*2014_annotations.json",
            "question without an answer",
        )
        gone.add(row)
    return asked.take([row for row in range(len(asked)) if row not in gone]) if gone else asked
