"""Sums up the records of a journal."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any

_AHEAD = 2 * 86_400_000  # milliseconds that a clock may have been ahead before it was set right


class JournalState:
    """The sum of a journal's records. It takes each record once, in their order.

    Attributes:
        live: Trial -> whether it is under way, for each trial that has begun, in that order.
        name: The name under which the run was begun last; None before its start.
        searched: The names that were searched, in the order in which they came; None before the first view.
    """

    def __init__(self) -> None:
        self.live: dict[str, bool] = {}
        self.name: str | None = None
        self.searched: dict[str, None] | None = None
        self._latest = 0
        self._reported: dict[str, dict[int, set[str]]] = {}
        self._ends: dict[str, str] = {}
        self._files: dict[str, dict[str, str]] = {}  # run -> path -> digest; empty where none was recorded
        self._tags: dict[str, dict[str, str]] = {}

    def take(self, record: Mapping[str, Any]) -> None:
        """Takes the next record in."""
        written = record.get("time")
        # a journal may come from anywhere
        if type(written) is int and written <= time.time() * 1000 + _AHEAD:
            self._latest = max(self._latest, written)
        if record["op"] == "metrics":
            steps = self._reported.setdefault(record["run"], {})
            steps.setdefault(record["step"], set()).update(record["metrics"])
        elif record["op"] in ("start", "end") and record["run"]:
            self.live[record["run"]] = record["op"] == "start"
            if record["op"] == "end":
                self._ends[record["run"]] = record["tags"]["status"]
            else:
                self._ends.pop(record["run"], None)
        elif record["op"] == "start":
            self.name = record["name"]
        elif record["op"] == "artifact":
            self._files.setdefault(record["run"], {})[record["path"]] = record.get("digest", "")
        elif record["op"] == "tags":
            self._tags.setdefault(record["run"], {}).update(record["tags"])
        elif record["op"] == "view":
            self.searched = (self.searched or {}) | dict.fromkeys(record["searched"])

    def now(self) -> int:
        """The time of the next record, in milliseconds since 1970. With a clock that is set back, runs would
        otherwise end before they began.
        """
        return max(self._latest, int(time.time() * 1000))

    def ended(self, trial: str) -> str | None:
        """The status of a trial's end; None where it has no end since its last start."""
        return self._ends.get(trial)

    def has_file(self, run: str, path: str) -> bool:
        """Whether ``path`` was recorded as a file of ``run``."""
        return path in self._files.get(run, ())

    def digest_of(self, run: str, path: str) -> str | None:
        """The sha256 of a file of ``run`` as it was recorded last; empty where that is not recorded, as by
        earlier versions, and None where there is no such file.
        """
        return self._files.get(run, {}).get(path)

    def tagged(self, run: str) -> Mapping[str, str]:
        """The tags that ``run`` was given beside those of its start and end."""
        return self._tags.get(run, {})

    def measured(self, trial: str, step: int) -> Collection[str]:
        """The names of the metrics that a trial has at ``step``."""
        return self._reported.get(trial, {}).get(step, ())

    def last_step(self, trial: str) -> int:
        """The last step at which a trial has a metric; 0 where it has none."""
        return max(self._reported.get(trial, {0: set()}))
