"""What is known of a sweep's trials, on disk and in memory; the driver alone writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import strict_yaml
from .checkpoint import write_text
from .space import Objective
from .trial_files import STATUS_FILE, reports_in


@dataclass
class TrialEntry:
    """One trial: its searched ``values``, its ``reports`` (one a finished task) and how it stands.

    ``status``: ``running``, ``finished`` (the whole stream), ``stopped`` (by the scheduler) or ``failed``
    (``reason``).
    """

    id: str
    number: int
    values: dict[str, Any]
    reports: list[dict[str, float]] = field(default_factory=list)
    status: str = "running"
    reason: str = ""


class TrialBook:
    """The trials of a sweep in ``folder/trials/ID``: ``trial.json``, ``config.yaml``, ``status.json``;
    reports as the lanes wrote them.
    """

    def __init__(self, folder: Path, objective: Objective, tasks: int) -> None:
        self.folder = folder
        self.objective = objective
        self.tasks = tasks
        self.trials: dict[str, TrialEntry] = {}
        kept = [(json.loads(path.read_text()), path) for path in folder.glob("*/trial.json")]
        for found, path in sorted(kept, key=lambda pair: pair[0]["number"]):
            entry = TrialEntry(path.parent.name, found["number"], found["values"])
            entry.reports = reports_in(path.parent)
            status = path.parent / STATUS_FILE
            if status.exists():
                found = json.loads(status.read_text())
                entry.status, entry.reason = found["status"], found["reason"]
            self.trials[entry.id] = entry

    def start(
        self, trial_id: str, values: dict[str, Any], config: dict[str, Any], number: int | None = None
    ) -> TrialEntry:
        """A trial begins, or begins again after an interruption. ``number``: its own, from 0; by default the
        next.
        """
        entry = self.trials.get(trial_id)
        if entry is None:
            number = len(self.trials) if number is None else number
            entry = self.trials[trial_id] = TrialEntry(trial_id, number, values)
            place = self.folder / trial_id
            place.mkdir(parents=True, exist_ok=True)
            write_text(place / "config.yaml", strict_yaml.dump(config))
            write_text(place / "trial.json", json.dumps({"number": entry.number, "values": values}))
        entry.status = "running"
        return entry

    def report(self, trial_id: str, metrics: dict[str, float]) -> bool:
        """Takes a finished task; False where it was known before."""
        entry = self.trials[trial_id]
        if int(metrics["task"]) <= len(entry.reports):
            return False
        entry.reports.append(metrics)
        return True

    def end(self, trial_id: str, status: str, reason: str = "") -> TrialEntry:
        """A trial has ended."""
        entry = self.trials[trial_id]
        entry.status, entry.reason = status, reason
        write_text(self.folder / trial_id / STATUS_FILE, json.dumps({"status": status, "reason": reason}))
        return entry

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return sum(entry.status != "running" for entry in self.trials.values())

    def value(self, entry: TrialEntry) -> float | None:
        """The objective after the trial's last finished task."""
        return entry.reports[-1].get(self.objective.metric) if entry.reports else None

    def best(self) -> TrialEntry | None:
        """The best trial among those that walked the whole stream: a stopped trial's last value is another
        task's.
        """
        whole = [t for t in self.trials.values() if t.status == "finished" and len(t.reports) == self.tasks]
        sign = 1 if self.objective.mode == "max" else -1
        return max(whole, key=lambda t: sign * (self.value(t) or 0.0), default=None)

    def table(self) -> str:
        """One line a trial, best first, finished before stopped before failed."""
        order = {"finished": 0, "stopped": 1, "running": 2, "failed": 3}
        sign = -1 if self.objective.mode == "max" else 1
        rows = sorted(
            self.trials.values(),
            key=lambda t: (order[t.status], -len(t.reports), sign * (self.value(t) or 0.0)),
        )
        keys = list(dict.fromkeys(key for t in rows for key in t.values))
        short = [key.removeprefix("method.") for key in keys]
        lines = [
            [
                "trial",
                "status",
                "tasks",
                self.objective.metric.removeprefix("validation/"),
                "forgetting",
                *short,
            ]
        ]
        for t in rows:
            forgetting = t.reports[-1].get("validation/forgetting") if t.reports else None
            lines.append(
                [
                    str(t.number + 1),
                    t.status,
                    f"{len(t.reports)}/{self.tasks}",
                    _number(self.value(t)),
                    _number(forgetting),
                    *(_number(t.values.get(key)) for key in keys),
                ]
            )
        widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
        return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in lines)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
