"""The official questions and annotations of VQA v2."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ....errors import UserError
from ...json_file import read_json, shown
from .texts import text_fault, whole_number

ANSWER_TYPES = ("yes/no", "number", "other")
"""The kinds of question that VQA v2's annotations distinguish."""

# It stands for an object that is not wanted. A list of references to it takes hardly any memory.
_OTHER = object()


@dataclass(frozen=True, slots=True)
class Annotation:
    """The annotators' answers to a question.

    Attributes:
        answers: One answer for each annotator, as they gave it.
        answer_type: One of :data:`ANSWER_TYPES`.
    """

    answers: tuple[str, ...]
    answer_type: str


def read_questions(
    path: str, wanted: Collection[int], bad: Callable[[str, str], None]
) -> dict[int, tuple[int, str] | None]:
    """Reads ``v2_OpenEnded_mscoco_*_questions.json``.

    Args:
        path: The file.
        wanted: The ids of the questions that are read.
        bad: ``bad(message, reason)`` is called for each malformed record, which is None in the result. It may
            raise.

    Returns:
        Question id -> (image id, question).

    Raises:
        UserError: The file cannot be read or has another shape.
    """

    def compact(entry: dict[str, Any]) -> Any:
        if "question_id" not in entry:
            return entry
        item = whole_number(entry["question_id"])
        if item is None:
            return entry
        return entry if item in wanted else _OTHER

    out: dict[int, tuple[int, str] | None] = {}
    images: dict[int, int] = {}
    for where, item, record in _records(path, "questions", compact, bad):
        out[item] = None
        image, text = whole_number(record.get("image_id")), record.get("question")
        fault = text_fault(text)
        if image is None:
            message = f"{where}: image_id is {shown(record.get('image_id'))}, allowed: an integer from 0 on"
            bad(message, "image_id is no number")
        elif fault:
            bad(f"{where}: question {fault}, allowed: a string that is not empty", "question is no text")
        else:
            out[item] = images.setdefault(image, image), text
    return out


def read_annotations(
    path: str, wanted: Collection[int], bad: Callable[[str, str], None]
) -> dict[int, Annotation | None]:
    """Reads ``v2_mscoco_*_annotations.json``.

    Args:
        path: The file.
        wanted: As for :func:`read_questions`.
        bad: As for :func:`read_questions`.

    Returns:
        Question id -> its annotation.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    shared: dict[str, str] = {}

    def compact(entry: dict[str, Any]) -> Any:
        answer = entry.get("answer")
        if type(answer) is str and not {"answers", "question_id"} & entry.keys():
            return shared.setdefault(answer, answer)
        item = whole_number(entry.get("question_id"))
        if item is not None and item not in wanted:
            return _OTHER
        return entry

    out: dict[int, Annotation | None] = {}
    for where, item, record in _records(path, "annotations", compact, bad):
        out[item] = None
        answers, kind = record.get("answers"), record.get("answer_type")
        fault = answers_fault(answers)
        if fault:
            bad(f"{where}: {fault[0]}", fault[1])
        elif kind not in ANSWER_TYPES:
            message = f"{where}: answer_type is {shown(kind)}, allowed: {', '.join(ANSWER_TYPES)}"
            bad(message, "answer_type is unknown")
        else:
            out[item] = Annotation(tuple(answers), kind)
    return out


def answers_fault(answers: Any) -> tuple[str, str] | None:
    """Why ``answers`` is no list of annotators' answers, and the reason under which it is counted; None where
    it is such a list.
    """
    if answers is not None and not isinstance(answers, list):
        return f"answers is {shown(answers)}, allowed: a list with one an annotator", "answers are no list"
    for answer in answers or ():
        # Some annotators may have said nothing, but not all of them.
        answer = answer.get("answer", answer) if isinstance(answer, dict) else answer
        fault = None if answer == "" else text_fault(answer)
        if fault:
            return f"an answer {fault}, allowed: a string", "answer is no text"
    if not any(answers or ()):
        return "has no answers, allowed: a list with one an annotator", "question without an answer"
    return None


def _records(
    path: str, key: str, compact: Callable[[dict[str, Any]], Any], bad: Callable[[str, str], None]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yields where a wanted record lies, its question id, and its content. Where a question has several
    records, only the first is yielded.
    """
    seen: set[int] = set()
    layout = f'an object with "{key}", a list of objects'
    top = read_json(path, layout, compact)
    records = top.get(key) if isinstance(top, dict) else None
    if not isinstance(records, list):
        held = f"holds {shown(top)} without {key}" if isinstance(top, dict) else f"holds {shown(top)}"
        raise UserError(f"{path}: {held}, allowed: {layout}")
    for number, record in enumerate(records):
        if record is _OTHER:
            continue
        if not isinstance(record, dict):
            message = f"{path}: {key}[{number}] is {shown(record)}, allowed: an object with question_id"
            bad(message, "record is no object")
            continue
        item = whole_number(record.get("question_id"))
        if item is None:
            message = (
                f"{path}: {key}[{number}]: question_id is {shown(record.get('question_id'))}, allowed: an "
                "integer from 0 on"
            )
            bad(message, "question_id is no number")
            continue
        if item in seen:
            bad(
                f"{path}: question {item}: stands there twice, allowed: once",
                "question stands twice in a file",
            )
            continue
        seen.add(item)
        yield f"{path}: question {item}", item, record
