"""Reads from the folder of a search which of its values mattered."""

from __future__ import annotations

import json
from pathlib import Path

from ..report.what_mattered import WhatMattered
from ..storage.run_files import IMPORTANCE_FILE, IMPORTANCE_FOLDER

ENDED = "of"
"""The file's key for the number of ended trials that it counts."""


def recorded_importance(run: Path, ended: int | None = None) -> WhatMattered | None:
    """Reads which values of a search mattered; None where its folder does not have that, or cannot be read.

    Args:
        run: The run's folder.
        ended: The number of ended trials that it must count; None: any number.
    """
    try:
        text = (run / IMPORTANCE_FOLDER / IMPORTANCE_FILE).read_text(encoding="utf-8")
        content = json.loads(text)
        return WhatMattered.read(content) if ended in (None, content[ENDED]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
