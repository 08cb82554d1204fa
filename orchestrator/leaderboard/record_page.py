"""A leaderboard as one page of HTML."""

from __future__ import annotations

from dataclasses import replace

from ..report.report_page import report_page
from ..report.stream_result import StreamResult
from ..report.study_result import StudyResult


def record_page(result: StudyResult) -> str:
    """The page of a study, of what the record in MLflow has of it, with its style and its pictures in it. It
    makes no request.

    Args:
        result: The leaderboard, with its searches and comparisons.
    """
    return report_page(replace(result, streams=tuple(map(_first_first, result.streams))))


def _first_first(stream: StreamResult) -> StreamResult:
    """The stream with the method first that is compared with each other one."""
    first = stream.comparisons[0].first if stream.comparisons else stream.methods[0].label
    return replace(stream, methods=tuple(sorted(stream.methods, key=lambda method: method.label != first)))
