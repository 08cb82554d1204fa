"""Finds the code that made a run."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from .comparison.journal_notes import journal_notes


def made_by(run: Path) -> str:
    """Reads the commits of the code that made a run's trials from its record.

    Args:
        run: The run's folder.

    Returns:
        Each commit, abbreviated, with ``+`` where files had been changed; the version of an installed
        package. They are joined by commas where trials have several. Empty where there is no record.
    """
    try:
        notes = journal_notes(run, None)
    except UserError:  # a result is written whatever the folder contains
        return ""
    # "" is the run itself, which is also opened to see what is left of it.
    commits = (note.commit.split(", ") for trial, note in notes.items() if trial)
    return ", ".join(sorted({commit for of_trial in commits for commit in of_trial if commit}))
