"""The runs in a runs folder."""

from __future__ import annotations

from pathlib import Path

from .found_run import FoundRun
from .studies import studies_of


def runs_in(runs: Path) -> list[FoundRun]:
    """All runs that lie in ``runs``, by their names. A folder that is reached by a link counts as well."""
    studies = studies_of(runs)
    folders = sorted(path for path in runs.glob("[!.]*") if path.is_dir())
    found = [FoundRun.of(folder, studies.get(folder.name, "")) for folder in folders]
    return [run for run in found if run is not None]
