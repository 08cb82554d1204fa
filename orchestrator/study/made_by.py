"""Which code made a run of a study."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..record.comparison.journal_notes import journal_notes


def made_by(run: Path) -> str:
    """The commits of the code that made a run's trials, as its record has them.

    Args:
        run: The run's folder.

    Returns:
        Each commit abbreviated, with ``+`` where files had been changed (of an installed package its
        version), joined by commas where trials are of several; empty where no record tells.
    """
    try:
        notes = journal_notes(run, None)
    except UserError:  # a result is written whatever a folder has
        return ""
    # "" is the run itself, which is opened by whoever looks what is left of it.
    commits = (note.commit.split(", ") for trial, note in notes.items() if trial)
    return ", ".join(sorted({commit for of_trial in commits for commit in of_trial if commit}))
