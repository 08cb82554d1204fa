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

FORMATS: dict[str, Callable[[StudyResult], str]] = {
    "md": result_md,
    "tex": partial(result_tex, took=True),
    "csv": result_csv,
    "json": result_json,
    "html": record_page,
}
"""The formats in which a leaderboard can be written."""

_COMPARED = ("html", "json")  # the formats that have comparisons
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
    texts = {
        f"leaderboard.{name}": made(result if name in _COMPARED else _without_comparisons(result))
        for name, made in FORMATS.items()
    }
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


def _without_comparisons(result: StudyResult) -> StudyResult:
    return replace(result, streams=tuple(replace(stream, comparisons=()) for stream in result.streams))
