"""The lines on what a walk chose at each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import RunConfig
from ..schema.shown import shown_score, shown_value

_HEADS = ("task", "learning rate", "finetuned", "reached", "trainings")


def per_task_lines(config: RunConfig, reports: Sequence[Mapping[str, float]]) -> list[str]:
    """A table with a row for each task: its learning rate and strengths, the best score of finetuning, the
    score that was reached, both on the task's validation data in percent, and how often it was trained.

    Args:
        config: The trial's configuration.
        reports: Its reports.

    Returns:
        The lines; none where the configuration chooses nothing at a task, or no task is finished.
    """
    plan, flat = config.per_task, config.flat()
    if plan is None or not reports:
        return []
    rows = [[*_HEADS[:2], *(key.removeprefix("method.") for key in plan.strength), *_HEADS[2:]]]
    for report in reports:
        part = report.get("per_task/strength", 1.0)
        strengths = [shown_value(float(f"{part * float(str(flat[key])):.4g}")) for key in plan.strength]
        rows.append(
            [
                str(int(report["task"])),
                shown_value(report["per_task/learning_rate"]),
                *strengths,
                shown_score(report["per_task/finetuned"]),
                shown_score(report["per_task/reached"]),
                str(int(report["per_task/trainings"])),
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    total = sum(int(report["per_task/trainings"]) for report in reports)
    head = "Chosen at each task, by its own validation data"
    return [head, *lines, f"{total} trainings of a task in all"]
