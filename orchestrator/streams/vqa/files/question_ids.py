"""ContVQA's lists of question ids (Nikandrou et al., 2022)."""

from __future__ import annotations

from collections.abc import Callable

from ....errors import UserError
from ...json_file import read_json, shown
from .texts import text_fault, whole_number


def read_question_ids(path: str, bad: Callable[[str, str], None]) -> dict[str, list[int]]:
    """Reads ``{train,valid,test}_question_ids.json``.

    Args:
        path: The file.
        bad: ``bad(message, reason)`` is called for an entry that is no id, and for one that a task names
            twice. These are left out. It may raise.

    Returns:
        Task -> the ids of its questions, in the file's order.

    Raises:
        UserError: The file cannot be read or has another shape.
    """
    layout = "an object, task to a list of question ids"
    top = read_json(path, layout)
    if not isinstance(top, dict) or not top:
        raise UserError(f"{path}: holds {shown(top) if top else 'no task'}, allowed: {layout}")
    out = {}
    for task, listed in top.items():
        if text_fault(task) or not isinstance(listed, list):
            raise UserError(f"{path}: task {task!r} is {shown(listed)}, allowed: a list of question ids")
        ids: dict[int, None] = {}
        for value in listed:
            item = whole_number(value)
            if item is None:
                message = f"{path}: task {task!r}: {shown(value)} is no question id, allowed: digits"
                bad(message, "question id is no number")
            elif item in ids:
                bad(f"{path}: task {task!r}: names question {item} twice, allowed: once", "named twice")
            else:
                ids[item] = None
        out[task] = list(ids)
    return out
