"""Reads what a run with a pair took."""

from __future__ import annotations

import json
from pathlib import Path

from ..report.run_cost import run_cost
from ..storage.trial_files import STATUS_FILE


def recorded_cost(trial: Path) -> dict[str, float]:
    """The costs of an ended trial (:func:`~orchestrator.report.run_cost.run_cost`); empty where its folder
    does not have them, or cannot be read.

    Args:
        trial: The trial's folder.
    """
    try:
        return run_cost(json.loads((trial / STATUS_FILE).read_text(encoding="utf-8"))["reports"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
