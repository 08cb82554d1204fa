"""Says what the runs of methods took."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from ..report.run_cost import run_cost
from ..report.shown_number import shown_number
from ..schema.shown import shown_time
from ..storage.trial_files import STATUS_FILE


def compute_said(runs: Mapping[str, Sequence[Path]]) -> str:
    """The mean compute of a run of each method, for a sentence: GPU-hours of training and evaluation where
    all runs held GPUs, else the time that training took, each run's sum over tasks.

    Args:
        runs: A method's label -> the folders of its trials.

    Returns:
        ``12 s of training a run of er and 9 s of ctp``; empty where some run has not recorded it.
    """
    costs = {label: list(map(_cost, folders)) for label, folders in runs.items()}
    hours = {label: _mean(found, "gpu_hours") for label, found in costs.items()}
    if all(hours.values()):
        return _said({label: shown_number(value, 3) for label, value in hours.items()}, "GPU-hours a run")
    seconds = {label: _mean(found, "seconds/train") for label, found in costs.items()}
    shown = {label: shown_time(value) for label, value in seconds.items() if value is not None}
    return _said(shown, "of training a run") if len(shown) == len(runs) else ""


def _cost(trial: Path) -> dict[str, float]:
    try:
        return run_cost(json.loads((trial / STATUS_FILE).read_text(encoding="utf-8"))["reports"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _mean(costs: Sequence[Mapping[str, float]], name: str) -> float | None:
    """The mean over runs; None where one lacks it."""
    found = [cost[name] for cost in costs if name in cost]
    return fmean(found) if found and len(found) == len(costs) else None


def _said(shown: Mapping[str, str], unit: str) -> str:
    (first, took), *others = shown.items()
    return " and ".join([f"{took} {unit} of {first}", *(f"{its} of {label}" for label, its in others)])
