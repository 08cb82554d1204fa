"""The result of a study."""

from __future__ import annotations

from dataclasses import dataclass

from .stream_result import StreamResult


@dataclass(frozen=True)
class StudyResult:
    """A study, as far as it has come.

    Attributes:
        name: Its name.
        question: The question in words; empty where none was asked.
        pairs: How many pairs of seed and order it was asked for.
        asked: The content of its ``study.yaml``.
        streams: The result on each stream.
        remarks: What a reader has to know of the record, one line each.
        command: The command that makes its files; empty: the study's own ``--report``.
    """

    name: str
    question: str
    pairs: int
    asked: str
    streams: tuple[StreamResult, ...]
    remarks: tuple[str, ...] = ()
    command: str = ""
