"""What a page says of the search of a row, from the record alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..report.trial_curve import TrialCurve
from ..report.what_mattered import WhatMattered
from ..tracking.long_tag import whole_tag
from ..tracking.names import COMMAND, IMPORTANCE, SEARCHED, TASKS
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun
from .recorded_search import RecordedSearch
from .recorded_value import recorded_value
from .row import Row

_NOT_SEARCHED = ("run.seed", "stream.order")


def search_results(reader: RecordReader, row: Row, unread: list[str]) -> dict[str, Any]:
    """Reads what the page says of a row's search.

    Args:
        reader: The record.
        row: The row.
        unread: Takes a line for each tag that cannot be read.

    Returns:
        The fields ``searched``, ``chosen``, ``mattered`` and ``commands`` of a
        :class:`~orchestrator.report.method_result.MethodResult`. Where the row has no search, or several, or
        does not know it, there are only the commands. Earlier versions recorded no commands and did not say
        what mattered.

    Raises:
        UserError: The record cannot be read. The message is one line.
    """
    runs = {"a run": _tag(reader, row.trials[0].parent, COMMAND, unread)}
    if len(row.searches) != 1 or row.unknown or (sweep := row.searches[0].sweep) is None:
        return {"commands": {what: command for what, command in runs.items() if command}}
    (search,) = row.searches
    best = sweep.tags.get("best", "")
    runs = {"search": _tag(reader, sweep, COMMAND, unread), **runs}
    return {
        "searched": tuple(_curve(reader, trial, _objective(search), best) for trial in search.every),
        "chosen": _chosen(reader, search, best, unread),
        "mattered": _mattered(reader, sweep, unread),
        "commands": {what: command for what, command in runs.items() if command},
    }


def objective_of(rows: Sequence[Row]) -> str:
    """The metric on validation data that the rows' searches optimise; empty where none is recorded."""
    return next(filter(None, (_objective(search) for row in rows for search in row.searches)), "")


def _objective(search: RecordedSearch) -> str:
    return "" if search.sweep is None else search.sweep.params.get("objective", "")


def _curve(reader: RecordReader, trial: RecordedRun, objective: str, best: str) -> TrialCurve:
    values = reader.history(trial, objective)
    done = max([int(trial.metrics.get(TASKS, 0)), *values])
    curve = tuple(values.get(task) for task in range(1, done + 1))
    status, reason = trial.tags.get("status", "unknown"), trial.tags.get("reason", "")
    return TrialCurve(trial.trial, status, curve, trial.trial == best, reason)


def _chosen(reader: RecordReader, search: RecordedSearch, best: str, unread: list[str]) -> dict[str, Any]:
    """The searched values of the chosen trial. Earlier versions did not record what was searched: of theirs
    it is what the sweep lacks, or what differs between trials.
    """
    sweep, trial = search.sweep, next((one for one in search.every if one.trial == best), None)
    if sweep is None or trial is None:
        return {}
    if SEARCHED in sweep.tags:
        keys = [key for key in _tag(reader, sweep, SEARCHED, unread).split() if key in trial.params]
    else:
        values = {key: {one.params.get(key) for one in search.every} for key in trial.params}
        keys = [key for key, found in values.items() if key not in sweep.params or len(found) > 1]
    return {key: recorded_value(trial.params[key]) for key in keys if key not in _NOT_SEARCHED}


def _mattered(reader: RecordReader, sweep: RecordedRun, unread: list[str]) -> WhatMattered | None:
    if not (text := _tag(reader, sweep, IMPORTANCE, unread)):
        return None
    try:
        return WhatMattered.read(json.loads(text))
    except (KeyError, TypeError, ValueError):
        unread.append(f"{sweep.name}: the tag {IMPORTANCE} is not what a sweep writes")
        return None


def _tag(reader: RecordReader, run: RecordedRun | None, name: str, unread: list[str]) -> str:
    """A run's tag; empty where there is none, or it cannot be read."""
    try:
        return "" if run is None else whole_tag(reader, run, name)
    except LookupError as error:
        unread.append(str(error))
        return ""
