"""The files of a leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import UserError
from ..report.pairs_csv import pairs_csv
from ..report.result_csv import result_csv
from ..report.result_json import result_json
from ..report.result_md import result_md
from ..report.result_tex import result_tex
from ..report.study_result import StudyResult
from ..storage.atomic_write import write_text
from .record_page import record_page


def _tables(result: StudyResult, write: Callable[[StudyResult], str]) -> str:
    """A format that has tables alone: without what a page has beside them, as comparisons."""
    streams = [replace(stream, comparisons=()) for stream in result.streams]
    return write(replace(result, question="", streams=tuple(streams)))


FORMATS: dict[str, Callable[[StudyResult], str]] = {
    "md": partial(_tables, write=result_md),
    "tex": partial(_tables, write=partial(result_tex, took=True)),
    "csv": partial(_tables, write=result_csv),
    "json": result_json,
    "html": record_page,
}
"""The formats in which a leaderboard can be written."""

COMPARED = ("html", "json")
"""The formats that have comparisons, matrices and searches as well."""

_RUNS_FILE = "leaderboard-runs.csv"


def write_leaderboard(result: StudyResult, folder: Path) -> list[Path]:
    """Writes a leaderboard in each of :data:`FORMATS`, and its runs one by one as CSV.

    Args:
        result: The leaderboard.
        folder: The folder, which is made where it does not exist. Files of an earlier leaderboard are
            replaced.

    Returns:
        The files.

    Raises:
        UserError: A file cannot be written. The message is one line.
    """
    texts = {f"leaderboard.{name}": write(result) for name, write in FORMATS.items()}
    texts[_RUNS_FILE] = pairs_csv(result)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error})"
        ) from error
    return [folder / name for name in texts]
