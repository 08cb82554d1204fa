"""A study that has ended, for programs of any language."""

from __future__ import annotations

import json

from ..report.result_json import result_json
from .study import Study
from .study_book import StudyBook
from .study_result import study_result

_STATUS = {0: "finished", 130: "interrupted"}


def study_json(study: Study, book: StudyBook, exit_status: int, reason: str) -> str:
    """A study as one line of JSON: how it ended, and what ``result.json`` has.

    It has ``name``, ``folder``, ``status`` (``finished``, ``interrupted`` or ``failed``), ``reason`` and
    ``exit_status``, as that of a sweep, and the keys of :func:`~orchestrator.report.result_json.result_json`.

    Args:
        study: The study.
        book: Its runs that have ended.
        exit_status: The command's exit status.
        reason: Why the study ended before its last run, in one line; empty where it did not.
    """
    ended = {
        "name": study.name,
        "folder": str(study.folder),
        "status": _STATUS.get(exit_status, "failed"),
        "reason": reason,
        "exit_status": exit_status,
    }
    return json.dumps({**ended, **json.loads(result_json(study_result(study, book)))}, allow_nan=False)
