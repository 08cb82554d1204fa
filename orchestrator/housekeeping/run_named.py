"""Finds a run by the name that a user gave."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from ..errors import UserError
from ..storage.plain_name import check_plain
from .found_run import FoundRun
from .runs_in import runs_in


def run_named(runs: Path, name: str, word: str, *, links: bool = True) -> FoundRun:
    """The run ``name`` in ``runs``.

    Args:
        runs: The runs folder.
        name: What the user gave.
        word: The command, for the error.
        links: Whether the run's folder may be reached by a link.

    Raises:
        UserError: No run has that name, or it is a link and may not be one. The message is one line.
    """
    check_plain(name, word)
    if not links and (runs / name).is_symlink():
        raise UserError(
            f"{word} {name}: {runs / name} is a link; allowed: a run that lies in {runs} itself (remove the "
            "link, and what it leads to, by hand)"
        )
    known = {run.name: run for run in runs_in(runs)}
    if name not in known:
        alike = get_close_matches(name, known, n=2)
        meant = f" (did you mean {' or '.join(alike)}?)" if alike else ""
        raise UserError(f"{word} {name}: is no run in {runs}{meant}; allowed are the names that list prints")
    return known[name]
