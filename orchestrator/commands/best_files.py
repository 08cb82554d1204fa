"""The files of its best trial that the record of a sweep shows."""

from __future__ import annotations

from pathlib import Path

from ..storage.run_files import CONFIG_FILE
from ..storage.trial_files import CURVES_PICTURE, MATRIX_PICTURE, TEST_MATRIX_PICTURE


def best_files(trial: Path) -> list[tuple[Path, str]]:
    """What the whole run shows of its best trial: files, each with its folder of artifacts.

    Args:
        trial: The trial's folder.
    """
    own = [(trial / name, "best") for name in (CONFIG_FILE, MATRIX_PICTURE, CURVES_PICTURE)]
    return [*own, (trial / TEST_MATRIX_PICTURE, "best/test")]
