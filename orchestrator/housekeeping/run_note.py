"""What a run's journal says of the run as a whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

from ..storage.run_files import JOURNAL_FILE

_OF_THE_RUN = re.compile(rb'"run": ?""')  # no trial's


class RunNote(NamedTuple):
    """What a run's journal says of the run as a whole.

    Attributes:
        trials: How many trials were to come when it was started or resumed the last time; None: the journal
            does not say.
        status: How it ended then; empty where it has not ended.
    """

    trials: int | None = None
    status: str = ""


def run_note(folder: Path) -> RunNote:
    """What the journal of the run in ``folder`` says. A line that cannot be read says nothing."""
    note = RunNote()
    try:
        with open(folder / JOURNAL_FILE, "rb") as file:
            for line in file:
                if _OF_THE_RUN.search(line):
                    note = _with(note, line)
    except OSError:
        pass
    return note


def _with(note: RunNote, line: bytes) -> RunNote:
    try:
        record = json.loads(line)
        if record["run"]:
            return note
        if record["op"] == "start":
            trials = record["tags"].get("trials")
            return RunNote(None if trials is None else int(trials))
        if record["op"] == "end":
            return note._replace(status=str(record["tags"]["status"]))
    except (ValueError, KeyError, TypeError):
        pass
    return note
