"""The store of a run's trials, on disk and in memory. Only the driver writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.objective import Objective
from ..schema import strict_yaml
from ..storage.atomic_write import write_text
from ..storage.inside import inside
from ..storage.plain_name import check_plain
from ..storage.run_files import CONFIG_FILE
from ..storage.trial_files import (
    REPORTS_FILE,
    STATUS_FILE,
    TRIAL_FILE,
    VERDICTS_FILE,
    reports_in,
    tested_in,
)
from .manifest import count_trials, read_manifest
from .memory_worth import MemoryWorth, memory_worth, within
from .pareto_set import ParetoSet
from .trial_entry import TrialEntry
from .trial_table import trial_table

_ENDS = ("finished", "stopped", "failed")


class TrialStore:
    """The trials of a run, in the run's folder ``trials``.

    ``ID/trial.json`` is a trial's proposal, and ``ID/verdicts.json`` is what the search decided after each
    task. Both are written before they take effect. A task is finished once its checkpoint exists
    (:mod:`~orchestrator.storage.checkpoint`). A trial has ended once its ``ID/status.json`` exists, which has
    its reports. Beside the checkpoints the driver alone writes here.

    Args:
        folder: The folder ``trials`` of the run.
        objective: The metric by which trials are compared.
        tasks: How many tasks the stream has.
        stamp_of: Gives the stamp that the files of a trial must carry, by the trial's id and values. None:
            any stamp will do.

    Raises:
        UserError: A trial that the manifest counts is missing, or its files are not what they must be.
    """

    def __init__(
        self,
        folder: Path,
        objective: Objective,
        tasks: int,
        stamp_of: Callable[[str, dict[str, Any]], dict[str, str]] | None = None,
    ) -> None:
        self.folder = folder
        self.objective = objective
        self.tasks = tasks
        self.trials: dict[str, TrialEntry] = {}
        self._stamp_of = stamp_of
        entries = [self._read(path) for path in sorted(folder.glob(f"*/{TRIAL_FILE}"))]
        for entry in sorted(entries, key=lambda entry: entry.number):
            self.trials[entry.id] = entry
        self._check_whole()

    def _read(self, path: Path) -> TrialEntry:
        name = path.parent.name
        check_plain(name, f"{path}: trial")
        try:
            proposal = json.loads(path.read_text(encoding="utf-8"))
            entry = TrialEntry(name, int(proposal["number"]), dict(proposal["values"]))
            self._check(entry, proposal, path)
            verdicts = path.with_name(VERDICTS_FILE)
            if verdicts.exists():
                said = json.loads(verdicts.read_text(encoding="utf-8"))
                self._check(entry, said, verdicts)
                entry.verdicts = {int(task): bool(go) for task, go in said["verdicts"].items()}
            status = path.with_name(STATUS_FILE)
            if status.exists():
                ended = json.loads(status.read_text(encoding="utf-8"))
                self._check(entry, ended, status)
                entry.status, entry.reason = str(ended["status"]), str(ended["reason"])
                entry.infeasible = bool(ended.get("infeasible", False))
                entry.reports = [dict(report) for report in ended["reports"]]
                if entry.status not in _ENDS:
                    raise ValueError(f"{status.name} says {entry.status[:60]!r}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{path.parent}: its record cannot be read ({error}); allowed: what the run wrote there"
            ) from None
        if entry.status == "running":
            self.refresh(entry)
        return entry

    def _check(self, entry: TrialEntry, content: dict[str, Any], path: Path) -> None:
        if (stamp := self._stamp(entry)) is not None and content["stamp"] != stamp:
            raise ValueError(f"{path.name} is another run's, or was changed")

    def _stamp(self, entry: TrialEntry) -> dict[str, str] | None:
        return None if self._stamp_of is None else self._stamp_of(entry.id, entry.values)

    def _check_whole(self) -> None:
        count = read_manifest(self.folder.parent)["trials"]
        numbers = [entry.number for entry in self.trials.values()]
        if lost := set(range(count)) - set(numbers):
            raise UserError(
                f"{self.folder.parent}: trial {min(lost) + 1} of {count} is missing; allowed: the whole "
                "folder, as its storage has it (remove the folder and --resume again)"
            )
        if len(set(numbers)) < len(numbers):
            raise UserError(f"{self.folder}: two trials have one number; allowed: what the run wrote there")
        if count < len(numbers):  # a driver died between a proposal and its count
            self._count()

    def refresh(self, entry: TrialEntry) -> list[dict[str, float]]:
        """Takes the reports in a trial's checkpoints, and returns the new ones."""
        reports = reports_in(self.folder / entry.id, self._stamp(entry))
        fresh = reports[len(entry.reports) :]
        entry.reports += fresh
        return fresh

    def trial_folder(self, trial_id: str) -> Path:
        """A trial's folder."""
        return inside(self.folder, trial_id)

    def propose(
        self, trial_id: str, values: dict[str, Any], config: dict[str, Any], number: int | None = None
    ) -> TrialEntry:
        """Writes a proposal down, before it takes effect. A known proposal stays as it is.

        Args:
            trial_id: The trial's id.
            values: Its searched values.
            config: Its whole configuration.
            number: Its number, from 0; None: the next one.
        """
        entry = self.trials.get(trial_id)
        if entry is None:
            number = len(self.trials) if number is None else number
            entry = TrialEntry(trial_id, number, values)
            folder = self.trial_folder(trial_id)
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / CONFIG_FILE, strict_yaml.dump(config))
            proposal = {"stamp": self._stamp(entry), "number": entry.number, "values": values}
            write_text(folder / TRIAL_FILE, json.dumps(proposal))
            self.trials[trial_id] = entry
            self._count()
        return entry

    def _count(self) -> None:
        run = self.folder.parent
        count_trials(run, len(self.trials), self.tasks)

    def start(
        self, trial_id: str, values: dict[str, Any], config: dict[str, Any], number: int | None = None
    ) -> TrialEntry:
        """Notes that a trial begins, or begins again after an interruption.

        Args:
            trial_id: As for :meth:`propose`.
            values: As for :meth:`propose`.
            config: As for :meth:`propose`.
            number: As for :meth:`propose`.
        """
        entry = self.propose(trial_id, values, config, number)
        self._reopen(entry)
        return entry

    def reopen_failed(self) -> None:
        """Takes the end of each failed trial back, so that it is resumed like an interrupted one."""
        for entry in self.trials.values():
            if entry.status == "failed":
                self._reopen(entry)

    def _reopen(self, entry: TrialEntry) -> None:
        (self.trial_folder(entry.id) / STATUS_FILE).unlink(missing_ok=True)
        entry.status, entry.reason, entry.infeasible = "running", "", False

    def tested(self, trial_id: str) -> dict[str, float]:
        """The test metrics of a trial; empty where the test splits were not evaluated.

        Raises:
            UserError: The results there belong to another run.
        """
        return tested_in(self.trial_folder(trial_id), self._stamp(self.trials[trial_id]))

    def report(self, trial_id: str, metrics: dict[str, float]) -> bool:
        """Takes the metrics after a finished task.

        Returns:
            False where they were known before.
        """
        entry = self.trials[trial_id]
        if int(metrics["task"]) <= len(entry.reports):
            return False
        entry.reports.append(metrics)
        return True

    def decide(self, trial_id: str, task: int, go: bool) -> None:
        """Writes down a verdict of the search, before it takes effect.

        Args:
            trial_id: The trial's id.
            task: How many tasks the trial has finished.
            go: Whether it continues.
        """
        entry = self.trials[trial_id]
        if entry.verdicts.get(task) != go:
            entry.verdicts[task] = go
            verdicts = {str(number): verdict for number, verdict in sorted(entry.verdicts.items())}
            said = {"stamp": self._stamp(entry), "verdicts": verdicts}
            write_text(self.trial_folder(trial_id) / VERDICTS_FILE, json.dumps(said))

    def end(self, trial_id: str, status: str, reason: str = "", infeasible: bool = False) -> TrialEntry:
        """Writes down that a trial has ended.

        Args:
            trial_id: The trial's id.
            status: ``finished``, ``stopped`` or ``failed``.
            reason: Why it failed.
            infeasible: Whether its own values made it fail.
        """
        entry, trial_folder = self.trials[trial_id], self.trial_folder(trial_id)
        if entry.reports:  # for a comparison
            lines = "".join(json.dumps(report) + "\n" for report in entry.reports)
            write_text(trial_folder / REPORTS_FILE, lines)
        # The status has the reports too, because the trial's checkpoints may lie elsewhere, or be gone.
        ended = {"status": status, "reason": reason, "infeasible": infeasible, "reports": entry.reports}
        write_text(trial_folder / STATUS_FILE, json.dumps({"stamp": self._stamp(entry), **ended}))
        entry.status, entry.reason, entry.infeasible = status, reason, infeasible
        return entry

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return sum(entry.status != "running" for entry in self.trials.values())

    def is_done(self, trial_id: str, *, test: bool) -> bool:
        """Whether a trial that runs whatever it scores is done: it was tested, or, where no ``test`` is
        wanted, it walked the whole stream.
        """
        entry = self.trials.get(trial_id)
        return entry is not None and (bool(self.tested(trial_id)) or (not test and entry in self._whole()))

    def is_over(self, trials: int, *, test: bool = True) -> bool:
        """Whether a search of so many ``trials`` is done: all have ended, and the best one, if there is one
        and a ``test`` is wanted, was tested.
        """
        best = self.best() if test else None
        return self.ended >= trials and (best is None or bool(self.tested(best.id)))

    def value(self, entry: TrialEntry) -> float | None:
        """The objective after the trial's last finished task; None where it is not finite or missing."""
        last = entry.reports[-1].get(self.objective.metric) if entry.reports else None
        return last if last is not None and math.isfinite(last) else None

    def leader(self) -> TrialEntry | None:
        """The trial with the best value among those that walked the whole stream. Among equals it is the one
        with the lower number.

        A stopped trial does not count, since its last value belongs to another task.
        """
        scored = [trial for trial in self._whole() if self.value(trial) is not None]
        return min(scored, key=self._rank, default=None)

    def best(self) -> TrialEntry | None:
        """The trial that the search chooses: :meth:`leader`, or where the replay memory's size is searched
        the best of the smallest memory that costs at most the objective's margin, or of several objectives
        the knee of the Pareto set.
        """
        return next(iter(self.candidates()), None)

    def candidates(self) -> list[TrialEntry]:
        """The trials that may be chosen, as things are or once others end; :meth:`best` comes first.

        Where memories differ, they are the best trial of each memory that costs at most the objective's
        margin. A better leader may rule out the smallest of them. Of several objectives they are the Pareto
        set.
        """
        objective = self.objective
        if objective.others:
            return self.pareto_set().ordered
        near = within(self.memory_worth(), objective.margin, objective.mode)
        leader = self.leader()
        return [one.best for one in near] or ([] if leader is None else [leader])

    def pareto_set(self) -> ParetoSet:
        """The trials of several objectives that no other one dominates."""
        return ParetoSet.of(self._whole(), self.objective)

    def memory_worth(self) -> list[MemoryWorth]:
        """The best trial of each memory; empty where no size is searched, or for several objectives."""
        whole = [] if self.objective.others else self._whole()
        return memory_worth(whole, self.value, self.objective.mode)

    def _whole(self) -> list[TrialEntry]:
        return [t for t in self.trials.values() if t.status == "finished" and len(t.reports) == self.tasks]

    def table(self, most: int | None = None) -> str:
        """A table with one line for each trial.

        Finished trials come first, then stopped and then failed ones, and the best of each come first. A
        trial without a value comes after those of its kind that have one.

        Args:
            most: How many lines there are at most; None: all.
        """
        order = {"finished": 0, "stopped": 1, "running": 2, "failed": 3}
        rows = sorted(self.trials.values(), key=lambda t: (order[t.status], -len(t.reports), *self._rank(t)))
        return trial_table(rows, self.objective, self.tasks, most)

    def _rank(self, entry: TrialEntry) -> tuple[bool, float, int]:
        value, sign = self.value(entry), -1 if self.objective.mode == "max" else 1
        return value is None, sign * (value or 0.0), entry.number
