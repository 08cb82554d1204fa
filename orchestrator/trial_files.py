"""What lies in a trial's folder, to be read without importing torch."""

from __future__ import annotations

import json
from pathlib import Path

STATUS_FILE = "status.json"
"""There where the trial has ended."""


def reports_in(folder: Path) -> list[dict[str, float]]:
    """What the trial of ``folder`` has reported, one a finished task; of a line cut short nothing."""
    path, found = folder / "tasks.jsonl", []
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
    return found
