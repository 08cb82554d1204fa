"""The rows of each stream's leaderboard."""

from __future__ import annotations

from collections.abc import Sequence

from ..record.comparison.groups import group_runs
from ..tracking.record_reader import RecordReader
from .recorded_search import RecordedSearch
from .row import Row
from .tested_trial import TestedTrial


def rows_by_stream(reader: RecordReader, trials: Sequence[TestedTrial]) -> dict[str, list[Row]]:
    """Groups trials into rows. Runs of a row differ only in their seed and in the order of their stream
    (:func:`~orchestrator.record.comparison.groups.group_runs`).

    Args:
        reader: The record, which is asked for the sweeps that chose the values.
        trials: The trials.

    Returns:
        The rows by the stream's name.

    Raises:
        UserError: The record cannot be read. The message is one line.
    """
    searches = {
        run: RecordedSearch.read(reader, run)
        for run in dict.fromkeys(trial.search for trial in trials if trial.search)
    }
    found: dict[str, list[Row]] = {}
    for stream in sorted({trial.stream for trial in trials}):
        for group in group_runs(trial for trial in trials if trial.stream == stream):
            found.setdefault(stream, []).append(Row.of(group, searches))
    return found
