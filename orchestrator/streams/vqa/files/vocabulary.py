"""The answers that may be learnt."""

from __future__ import annotations

import os

from ....errors import UserError
from ...json_file import read_json, shown
from .texts import text_fault


def read_vocabulary(folder: str) -> list[str] | None:
    """The answers that may be learnt, in the order of their numbers.

    They are those of ``trainval_ans2label.json``, ``{answer: number}``, else of ``trainval_label2ans.json``,
    ``[answer]``; None where neither file exists.

    Raises:
        UserError: A file cannot be read or has another shape.
    """
    path = f"{folder}/trainval_ans2label.json"
    if os.path.exists(path):
        layout = "an object, answer to its number"
        top = read_json(path, layout)
        if not isinstance(top, dict) or not top:
            raise UserError(f"{path}: holds {shown(top) if top else 'no answer'}, allowed: {layout}")
        answers: list = [None] * len(top)
        for answer, number in top.items():
            if type(number) is not int or not 0 <= number < len(top) or answers[number] is not None:
                raise UserError(
                    f"{path}: {answer!r} has number {shown(number)}, allowed: 0 .. {len(top) - 1}, each once"
                )
            answers[number] = answer
    else:
        path = f"{folder}/trainval_label2ans.json"
        if not os.path.exists(path):
            return None
        answers = read_json(path, "a list of answers")
        if not isinstance(answers, list) or not answers:
            found = shown(answers) if answers else "no answer"
            raise UserError(f"{path}: holds {found}, allowed: a list of answers")
    seen: set[str] = set()
    for number, answer in enumerate(answers):
        if fault := text_fault(answer):
            raise UserError(f"{path}: answer {number} {fault}, allowed: a string that is not empty")
        if answer in seen:
            raise UserError(f"{path}: holds {answer!r} twice, allowed: each answer once")
        seen.add(answer)
    return answers
