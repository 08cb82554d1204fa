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
    return report_page(replace(result, streams=tuple(map(_on_page, result.streams))))


def _on_page(stream: StreamResult) -> StreamResult:
    """The stream with the method first that is compared with each other one, and with what cannot be read in
    one line: a database that is alone has the files of no run.
    """
    first = stream.comparisons[0].first if stream.comparisons else stream.methods[0].label
    unread = (*stream.unread, *stream.unread_for_page)
    if len(unread) > 1:
        unread = (f"{len(unread)} files that are not there, first {unread[0]}",)
    methods = sorted(stream.methods, key=lambda method: method.label != first)
    return replace(stream, methods=tuple(methods), unread=unread, unread_for_page=())
