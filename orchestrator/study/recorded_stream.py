"""Reads what tells the stream of a study's run from others."""

from __future__ import annotations

from ..errors import UserError
from ..storage.identity import Identity
from ..storage.run_folder import RUNS
from .study_book import Part


def recorded_stream(part: Part) -> str:
    """The hash of a run's stream, its content and its order. Of a study of an earlier version the runs' own
    folders alone have it. Empty where that is gone, or does not say it.

    Args:
        part: The run.
    """
    if part.stream:
        return part.stream
    try:
        return Identity.of(RUNS / part.name).stream or ""
    except (UserError, OSError):
        return ""
