"""Reads how far pictures drifted from texts in a run with a pair."""

from __future__ import annotations

import json
import math
from pathlib import Path

from ..storage.trial_files import STATUS_FILE

_ANGLE = "validation/drift/angle"


def recorded_drift(trial: Path) -> tuple[float, ...]:
    """Reads the angle between pictures and the texts of their classes after each task of an ended trial.

    Args:
        trial: The trial's folder.

    Returns:
        (T,), in degrees, on validation data; empty where some task has none, as in a scenario without classes
        or in a stream that holds nothing out, and where the file cannot be read.
    """
    try:
        reports = json.loads((trial / STATUS_FILE).read_text(encoding="utf-8"))["reports"]
        found = tuple(float(report[_ANGLE]) for report in reports)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
    return found if all(map(math.isfinite, found)) else ()
