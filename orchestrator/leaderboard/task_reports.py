"""Reads what a trial reported after each task from the record."""

from __future__ import annotations

from ..report.run_cost import COST_METRICS
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun


def task_reports(reader: RecordReader, trial: RecordedRun) -> list[dict[str, float]]:
    """Reads a trial's reports, one for each task: the metrics of time and memory.

    Args:
        reader: The record.
        trial: The trial.

    Raises:
        UserError: The record cannot be read. The message is one line.
    """
    reports: dict[int, dict[str, float]] = {}
    for metric in COST_METRICS:
        for task, value in reader.history(trial, metric).items():
            reports.setdefault(task, {})[metric] = value
    return [reports[task] for task in sorted(reports)]
