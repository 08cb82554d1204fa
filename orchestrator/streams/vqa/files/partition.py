"""Reads VQACL's partition of VQA v2 by kind of question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ....errors import UserError
from ...json_file import read_json, shown
from .annotations import answers_fault
from .texts import text_fault, whole_number

# keys of a record, which no annotator's answer has
_OF_RECORD = {"question_id", "img_id", "sent", "question"}
_PICTURE = re.compile(r"COCO_(train|val)2014_\d{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartitionRecord:
    """One question.

    Attributes:
        where: File and entry, for errors.
        question: The question's id.
        picture: The picture's name.
        text: The question.
        label: Answers of the vocabulary and the score of each, in 0 .. 1. It is empty where none of the
            annotators' answers is in the vocabulary, and None where there is no label.
        answers: One answer for each annotator; None where there are none.
    """

    where: str
    question: int
    picture: str
    text: str
    label: dict[str, float] | None
    answers: tuple[str, ...] | None


def read_partition(path: str, bad: Callable[[str, str], None]) -> Iterator[PartitionRecord]:
    """Reads ``karpathy_{train,val,test}_q_KIND.json``, a list of ``{question_id, img_id, sent, label,
    answers, ...}``.

    Not all releases have ``answers``. ``question`` may stand for ``sent``.

    Args:
        path: The file.
        bad: ``bad(message, reason)`` is called for each malformed record, which is left out. It may raise.

    Returns:
        The sound records, in the file's order.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    shared: dict[str, str] = {}

    def compact(entry: dict[str, Any]) -> Any:
        # An answer may have any text, so that a label is recognised by its values.
        if type(entry.get("img_id")) is str:
            item, picture, *rest = _fields(entry)
            return (item, shared.setdefault(picture, picture), *rest)
        if type(entry.get("answer")) is str and not entry.keys() & _OF_RECORD:
            return shared.setdefault(entry["answer"], entry["answer"])
        return entry

    layout = "a list of objects with question_id, img_id, sent, label"
    top = read_json(path, layout, compact)
    if not isinstance(top, list):
        raise UserError(f"{path}: holds {shown(top)}, allowed: {layout}")
    for number, record in enumerate(top):
        fields = _fields(record) if isinstance(record, dict) else record
        fields = fields if isinstance(fields, tuple) else None
        item = whole_number(fields[0]) if fields else None
        where = f"{path}: question {item}" if item is not None else f"{path}: [{number}]"
        fault = _fault(record, fields)
        if fault:
            bad(f"{where}: {fault[0]}", fault[1])
            continue
        _, picture, text, label, answers = fields
        label = None if label is None else {a: float(s) for a, s in label.items()}
        yield PartitionRecord(where, item, picture, text, label, None if answers is None else tuple(answers))


def _fields(entry: dict[str, Any]) -> tuple:
    text = entry.get("sent", entry.get("question"))
    return entry.get("question_id"), entry.get("img_id"), text, entry.get("label"), entry.get("answers")


def _fault(record: Any, fields: tuple | None) -> tuple[str, str] | None:
    if fields is None:
        return f"is {shown(record)}, allowed: an object with question_id, img_id, sent", "record is no object"
    item, picture, text, label, answers = fields
    if whole_number(item) is None:
        return (
            f"question_id is {shown(item)}, allowed: an integer from 0 on",
            "question_id is no number",
        )
    if not isinstance(picture, str) or not _PICTURE.fullmatch(picture):
        return (
            f"img_id is {shown(picture)}, allowed: COCO_train2014_ or COCO_val2014_ and twelve digits",
            "img_id is no picture of COCO",
        )
    if fault := text_fault(text):
        return f"sent {fault}, allowed: a string that is not empty", "question is no text"
    if label is None and answers is None:
        return None
    if answers is not None and (fault := answers_fault(answers)):
        return fault
    return _label_fault(label)


def _label_fault(label: Any) -> tuple[str, str] | None:
    if label is None:
        return None
    if not isinstance(label, dict):
        return f"label is {shown(label)}, allowed: an object, answer to score", "label is no object"
    for answer, score in label.items():
        if fault := text_fault(answer):
            return f"an answer of label {fault}, allowed: a string that is not empty", "answer is no text"
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not 0 <= score <= 1:
            return f"label: {answer!r} has score {shown(score)}, allowed: 0 .. 1", "score is out of range"
    return None
