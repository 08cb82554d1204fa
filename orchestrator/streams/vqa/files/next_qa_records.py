"""Reads NExT-QA's questions as VQACL divides them, and the second answers of its test split."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ....errors import UserError
from ....metrics.vqa_accuracy import normalise
from ...json_file import read_json, shown
from ...text.text_file import read_text
from .next_qa_objects import NEXT_QA_OBJECTS
from .texts import text_fault, whole_number

_COLUMNS = ("video", "question", "answer", "qid", "type", "bigCate")


@dataclass(frozen=True, slots=True)
class NextQaRecord:
    """One question.

    Attributes:
        where: File and line, for errors.
        item: The question's name, ``VIDEO_QID``.
        video: The video's name.
        text: The question.
        answer: Its answer.
        category: The object, 0 .. 79.
    """

    where: str
    item: str
    video: str
    text: str
    answer: str
    category: int


def read_next_qa(path: str, kind: str, bad: Callable[[str, str], None]) -> Iterator[NextQaRecord]:
    """Reads ``{train,val,test}_KIND.csv``.

    The file has a header with video, question, answer, qid, type and bigCate, in any order and among others,
    and a row for each question.

    Args:
        path: The file.
        kind: The kind of question that the file is for.
        bad: ``bad(message, reason)`` is called for each malformed row, which is left out. It may raise.

    Returns:
        The sound rows, in the file's order.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    layout = f"a CSV file with {', '.join(_COLUMNS)}"
    text = read_text(path, layout)
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        header = rows.fieldnames or ()
        if wrong := [name for name in _COLUMNS if header.count(name) != 1]:
            found = "two columns" if wrong[0] in header else "no column"
            raise UserError(f"{path}:1: has {found} {wrong[0]}, allowed: {layout}")
        for row in rows:
            where = f"{path}:{rows.line_num}"
            fault = _fault(row, kind)
            if fault:
                bad(f"{where}: {fault[0]}", fault[1])
                continue
            video = row["video"].strip()
            yield NextQaRecord(
                where=f"{where}: question {video}_{row['qid'].strip()}",
                item=f"{video}_{row['qid'].strip()}",
                video=video,
                text=row["question"].strip(),
                answer=row["answer"].strip(),
                category=int(row["bigCate"]) - 1,
            )
    except csv.Error as error:
        raise UserError(f"{path}:{rows.reader.line_num}: no CSV ({error}), allowed: {layout}") from None


def read_second_answers(path: str, bad: Callable[[str, str], None]) -> dict[str, str]:
    """Reads ``add_reference_answer_test.json``, ``{video: {qid: answer}}``.

    Args:
        path: The file.
        bad: As for :func:`read_next_qa`.

    Returns:
        Question -> its other right answer.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    layout = "an object, video to an object, qid to answer"
    top = read_json(path, layout)
    if not isinstance(top, dict):
        raise UserError(f"{path}: holds {shown(top)}, allowed: {layout}")
    out = {}
    for video, answers in top.items():
        if not isinstance(answers, dict):
            message = f"{path}: video {video!r} is {shown(answers)}, allowed: an object, qid to answer"
            bad(message, "second answers are no object")
            continue
        for qid, answer in answers.items():
            fault = text_fault(answer)
            if fault:
                message = (
                    f"{path}: question {video}_{qid}: answer {fault}, allowed: a string that is not empty"
                )
                bad(message, "second answer is no text")
            else:
                out[f"{video}_{qid}"] = answer.strip()
    return out


def _fault(row: dict[str | None, Any], kind: str) -> tuple[str, str] | None:
    if None in row or None in row.values():
        return "does not have the header's fields, allowed: a field a column", "row of another length"
    for name in ("video", "qid"):
        if whole_number(row[name].strip()) is None:
            return f"{name} is {row[name][:60]!r}, allowed: digits", f"{name} is no number"
    if text_fault(row["question"]):
        return "question is empty, allowed: text", "question is no text"
    if text_fault(row["answer"]):
        return "has no answer, allowed: text", "question without an answer"
    if not normalise(row["answer"]):  # otherwise it would equal any other such answer
        return f"answer is {row['answer'][:60]!r}, allowed: words", "question without an answer"
    if row["type"].strip() != kind:
        return f"type is {row['type'][:60]!r}, allowed: {kind}, the file's", "type is not the file's"
    category = whole_number(row["bigCate"].strip())
    if category is None or not 1 <= category <= len(NEXT_QA_OBJECTS):
        message = f"bigCate is {row['bigCate'][:60]!r}, allowed: 1 .. {len(NEXT_QA_OBJECTS)}"
        return message, "bigCate is out of range"
    return None
