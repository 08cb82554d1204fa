"""What the folder of a search says of which values mattered."""

from __future__ import annotations

import json
from pathlib import Path

from ..report.what_mattered import WhatMattered
from ..storage.run_files import IMPORTANCE_FILE, IMPORTANCE_FOLDER


def recorded_importance(run: Path) -> WhatMattered | None:
    """Reads which values of a search mattered; None where its folder does not say, or cannot be read.

    Args:
        run: The run's folder.
    """
    try:
        text = (run / IMPORTANCE_FOLDER / IMPORTANCE_FILE).read_text(encoding="utf-8")
        return WhatMattered.read(json.loads(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None
