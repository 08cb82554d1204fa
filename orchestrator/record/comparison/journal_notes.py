"""Reads what a run's journal says of its trials."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from ...errors import UserError
from ...storage.identity import Identity
from ...storage.run_files import JOURNAL_FILE
from ...tracking.journal import Journal
from .commit_of import commit_of
from .read_json import is_finite

_LATEST = 1e14  # milliseconds since 1970, which is the year 5138


class TrialNote(NamedTuple):
    """What a run's journal says of a trial.

    Attributes:
        commit: See :class:`~orchestrator.record.comparison.finished_run.FinishedRun`.
        ended: When the trial ended, in seconds since 1970; None where the journal has no end.
    """

    commit: str
    ended: float | None


def journal_notes(run: Path, identity: Identity | None) -> dict[str, TrialNote]:
    """Reads what the run's journal says of each trial; empty where there is no journal.

    Args:
        run: The run's folder.
        identity: The run's identity; None: it has none.

    Raises:
        UserError: The journal is another run's, or cannot be read.
    """
    commits: dict[str, dict[str, None]] = {}
    ended: dict[str, float] = {}
    for record in _records(run):
        trial, tags = record.get("run"), record.get("tags")
        if record["op"] == "open" and identity is not None and record.get("key") != identity.run:
            raise UserError(f"{run / JOURNAL_FILE}: is the record of another run; allowed: the run's own")
        if not isinstance(trial, str) or not isinstance(tags, dict):
            continue
        if record["op"] == "start":
            commits.setdefault(trial, {})[commit_of(tags)] = None
        elif record["op"] == "end" and is_finite(time := record.get("time")) and abs(time) < _LATEST:
            ended[trial] = time / 1000
    # A trial that was resumed at another commit belongs to both.
    return {
        t: TrialNote(", ".join(filter(None, commits.get(t, {}))), ended.get(t)) for t in {*commits, *ended}
    }


def _records(run: Path) -> list[dict[str, Any]]:
    try:
        return [record for record, _ in Journal(run).read()]
    except OSError as error:
        raise UserError(f"{run / JOURNAL_FILE}: cannot be read ({error.strerror or error})") from None
