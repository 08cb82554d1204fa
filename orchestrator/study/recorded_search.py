"""Reads what the folder of a search says of its trials."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..report.run_cost import run_cost
from ..report.trial_curve import TrialCurve
from ..storage.run_files import trials_of
from ..storage.trial_files import STATUS_FILE, TRIAL_FILE, reports_in

_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError)


def recorded_search(
    run: Path, objective: str, chosen: str
) -> tuple[tuple[TrialCurve, ...], dict[str, Any], str]:
    """Reads the trials of a search.

    Parts that cannot be read are left out, since a study's result is written whatever a folder contains.

    Args:
        run: The run's folder.
        objective: The metric on validation data that the search optimises.
        chosen: The id of the trial that it chose; empty where it chose none.

    Returns:
        The trials in the order in which they were proposed; the searched values of the chosen one, dotted key
        -> value; and why a part is missing, in one line, or an empty text.
    """
    found: list[tuple[int, TrialCurve]] = []
    values: dict[str, Any] = {}
    missing = ""
    for path in sorted(trials_of(run).glob(f"*/{TRIAL_FILE}")):
        try:
            proposal = json.loads(path.read_text(encoding="utf-8"))
            number, proposed = int(proposal["number"]), dict(proposal["values"])
            found.append((number, _curve(path.parent, objective, chosen)))
        except _BROKEN as error:
            missing = (
                missing or f"{path.parent}: cannot be read ({getattr(error, 'strerror', None) or error})"
            )
            continue
        if path.parent.name == chosen:
            values = proposed
    if chosen and not values and not missing and all(trial.id != chosen for _, trial in found):
        missing = f"{trials_of(run) / chosen}: cannot be read (no such trial)"
    return tuple(trial for _, trial in sorted(found, key=lambda one: one[0])), values, missing


def _curve(trial: Path, objective: str, chosen: str) -> TrialCurve:
    status: Mapping[str, Any] = {"status": "running", "reason": ""}
    path = trial / STATUS_FILE
    if path.exists():
        status = json.loads(path.read_text(encoding="utf-8"))
        reports = status["reports"]
    else:
        reports = reports_in(trial)
    curve = tuple(_finite(report.get(objective)) for report in reports)
    said, reason = str(status["status"]), str(status["reason"])
    return TrialCurve(trial.name, said, curve, trial.name == chosen, reason, run_cost(reports))


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
