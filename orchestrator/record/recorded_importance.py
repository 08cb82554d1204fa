"""What the folder of a search says of which values mattered."""

from __future__ import annotations

import json
from pathlib import Path

from ..report.what_mattered import WhatMattered
from ..storage.run_files import IMPORTANCE_FILE, IMPORTANCE_FOLDER

ENDED = "of"
"""The key of the file that says of how many ended trials it is."""


def recorded_importance(run: Path, ended: int | None = None) -> WhatMattered | None:
    """Reads which values of a search mattered; None where its folder does not say, or cannot be read.

    Args:
        run: The run's folder.
        ended: Of how many ended trials it has to be; None: of any number.
    """
    try:
        text = (run / IMPORTANCE_FOLDER / IMPORTANCE_FILE).read_text(encoding="utf-8")
        content = json.loads(text)
        return WhatMattered.read(content) if ended in (None, content[ENDED]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
