"""The files of a study's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..report.pairs_csv import pairs_csv
from ..report.report_page import report_page
from ..report.result_csv import result_csv
from ..report.result_json import result_json
from ..report.result_tex import result_tex
from ..report.study_result import StudyResult
from ..storage.atomic_write import write_text
from ..storage.run_files import PAGE_FILE
from .study import Study
from .study_book import StudyBook
from .study_result import study_result

_MADE: dict[str, Callable[[StudyResult], str]] = {
    "result.csv": result_csv,
    "result.tex": result_tex,
    "result.json": result_json,
    "pairs.csv": pairs_csv,
    PAGE_FILE: report_page,
}

TABLE_FILES = tuple(name for name in _MADE if name != PAGE_FILE)
"""The names of the other files beside ``result.md``."""


def write_study_files(study: Study, book: StudyBook, remarks: Sequence[str] = ()) -> None:
    """Writes the files of a study's result into its folder, from what is recorded.

    ``result.md`` is not among them.

    Args:
        study: The study.
        book: Its runs that have ended.
        remarks: What a reader of the page has to know of the record, one line each.

    Raises:
        OSError: A file cannot be written.
    """
    result = replace(study_result(study, book), remarks=tuple(remarks))
    for name, made in _MADE.items():
        write_text(study.folder / name, made(result))
