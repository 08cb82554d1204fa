"""Follows the trials: a line of progress each task, and the record."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from methods.method import Scenario

from . import checkpoint
from .artist import Artist
from .config import RunConfig
from .errors import UserError
from .full_disk import is_full
from .question_tables import question_tables
from .run_storage import RunStorage
from .scoring import task_row, validation_metrics
from .space import Objective
from .streams import registry as streams
from .tracking import Tracker, environment_tags
from .trial_book import TrialBook, TrialEntry
from .trial_files import STATUS_FILE, reports_in


class Watch:
    """Told of every trial's start, tasks and end; prints, keeps the book, and hands the tracker what MLflow
    gets.

    ``config_of``: a trial's searched values -> its whole configuration. ``task_names``: of the stream, in
    order. ``trials``: how many are to come. ``kept``: where the run is kept beside its folder.
    """

    def __init__(
        self,
        book: TrialBook,
        tracker: Tracker,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        task_names: list[str],
        scenario: Scenario,
        trials: int,
        kept: RunStorage | None,
        say: Callable[[str], None],
    ) -> None:
        self.book = book
        self._tracker = tracker
        self._config_of = config_of
        self.names = task_names
        self._scenario = scenario
        self.fatal = ""
        """Why the sweep had to stop, where something no trial could mend stopped it."""
        self.interrupted = False
        """Whether trials are to end at their next task, to be gone on with another time."""
        self.tick: Callable[[], None] = lambda: None
        """Called often while trials run."""
        self.report_of: Callable[[str, int], dict[str, float]] = lambda trial_id, task: {}
        """Trial and task (from 1) -> what the trial reported after it."""
        self._trials = trials
        self._kept = kept
        self._say = say
        self._best: TrialEntry | None = None
        self._artist = Artist(tracker.artifact, say)

    @classmethod
    def open(
        cls,
        folder: Path,
        config: RunConfig,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        objective: Objective,
        task_names: list[str],
        trials: int,
        kept: RunStorage | None,
        say: Callable[[str], None],
    ) -> Watch:
        """Opens, or opens again, book and record of the run in ``folder``, whose trials share ``config``."""
        for place in (folder / "trials").glob("*/trial.json"):
            if kept is not None and not (place.parent / STATUS_FILE).exists():
                kept.pull(place.parent.name)
        experiment = f"{config.method_name} on {config.stream_name}"
        tracker = Tracker(folder, os.environ.get("MLFLOW_TRACKING_URI"), experiment, folder.name)
        tags = {"method": config.method_name, "stream": config.stream_name, "seed": config.run.seed}
        params = {"trials": trials, "objective": objective.metric}
        tracker.start(
            config.flat() | params, tags | environment_tags(), objective=objective.metric, mode=objective.mode
        )
        book = TrialBook(folder / "trials", objective, len(task_names))
        scenario = streams.get(config.stream_name).scenario
        return cls(book, tracker, config_of, task_names, scenario, trials, kept, say)

    def finish(self, status: str, metrics: Mapping[str, float], tags: Mapping[str, Any]) -> list[str]:
        """Ends the record once the last picture is drawn. Lines for the user: how to look at it, and what did
        not arrive.
        """
        self.close()
        try:
            self._tracker.finish(status, metrics, tags)
        except UserError as error:
            if not is_full(error):
                raise  # else the run stays open in the record until it is gone on with
        message = self._tracker.close().message
        self._push()
        address = self._tracker.page()
        lines = ["Compare in MLflow:", f"  {self._tracker.ui_command()}", f"  then open {address}"]
        return [*lines, "", message] if message else lines

    def start(self, trial_id: str, values: dict[str, Any], number: int | None = None) -> None:
        """A trial begins; ``number``: see :meth:`~orchestrator.trial_book.TrialBook.start`."""
        again = trial_id in self.book.trials
        config = self._config_of(values)
        entry = self.book.start(trial_id, values, config.to_dict(), number)
        tags = {"method": config.method_name, "stream": config.stream_name, "seed": config.run.seed}
        self._tracker.trial_start(trial_id, config.flat(), tags, searched=list(values))
        shown = "  ".join(f"{key.removeprefix('method.')}={_short(value)}" for key, value in values.items())
        self._say(f"{self._place(entry)} {'goes on' if again else 'starts'}  {shown}")
        self._push()

    def task(self, trial_id: str, metrics: dict[str, Any]) -> None:
        """A trial has finished a task."""
        numbers = {
            k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        fresh = self.book.report(trial_id, numbers)
        # Also what the book knows: the driver may have ended between a lane's writing and its own.
        self._tracker.task(trial_id, int(numbers["task"]), {k: v for k, v in numbers.items() if k != "task"})
        if not fresh:
            return
        entry = self.book.trials[trial_id]
        done = len(entry.reports)
        value = self.book.value(entry)
        parts = [f"{self.book.objective.metric} {value:.1f}" if value is not None else ""]
        for key, name in (("validation/average", "average"), ("validation/forgetting", "forgetting")):
            if key in numbers:
                parts.append(f"{name} {numbers[key]:.1f}")
        seconds = sum(numbers.get(f"seconds/{stage}", 0) for stage in ("train", "evaluate", "checkpoint"))
        self._say(
            f"{self._place(entry)} task {done}/{len(self.names)} {self.names[done - 1]}: "
            f"{'  '.join(filter(None, parts))}  ({seconds:.1f} s)"
        )

    def catch_up(self) -> None:
        """Takes the tasks of unfinished trials that were finished while nobody listened."""
        for trial_id in [entry.id for entry in self.book.trials.values() if entry.status == "running"]:
            if self._kept is not None:
                self._kept.pull(trial_id)
            known = len(self.book.trials[trial_id].reports)
            for report in reports_in(self.book.folder / trial_id)[known:]:
                self.task(trial_id, report)

    def end(self, trial_id: str, status: str, reason: str = "") -> None:
        """A trial has ended: its curves, matrix and configuration become artifacts."""
        entry = self.book.end(trial_id, status, reason)
        self._say(f"{self._place(entry)} {status}{': ' + reason if reason else ''}")
        folder = self.book.folder / trial_id
        if self._kept is not None:
            self._kept.pull(trial_id)
        self._tracker.artifact(trial_id, folder / "config.yaml")
        if entry.reports:
            matrix = _validation_matrix(entry.reports, len(self.names), self._scenario)
            drift = _drift(entry.reports, len(self.names))
            tables = question_tables([validation_metrics(r) for r in entry.reports], self.names)
            self._artist.trial(trial_id, folder, matrix, self.names, drift, tables)
        self._tracker.trial_end(trial_id, status, reason or None)
        self._free_disk(entry)
        self._push()

    def _push(self) -> None:
        if self._kept is not None:
            self._kept.push()

    def _free_disk(self, entry: TrialEntry) -> None:
        """Of the trials that have ended, only the best so far keeps more than its last checkpoint: it may be
        tested.
        """
        best = self.book.best()
        for ended in {id(t): t for t in (entry, self._best) if t is not None}.values():
            if ended is not best and ended.reports:
                last = len(ended.reports) - 1
                if self._kept is None:
                    checkpoint.keep_only(self.book.folder / ended.id, last)
                else:
                    self._kept.keep_only(ended.id, last)
        self._best = best

    def tested(self, trial_id: str, metrics: dict[str, float]) -> None:
        """The test splits were looked at with a finished trial's checkpoints."""
        self._tracker.task(trial_id, len(self.names), metrics)
        if self._kept is not None:
            self._kept.pull(trial_id)
        self._artist.test(trial_id, self.book.folder / trial_id / "test")

    def close(self) -> None:
        """Waits until the last picture is drawn."""
        self._artist.close()

    def _place(self, entry: TrialEntry) -> str:
        return f"trial {entry.number + 1}/{max(self._trials, entry.number + 1)}"


def _validation_matrix(reports: list[dict[str, float]], tasks: int, scenario: Scenario) -> np.ndarray:
    matrix = np.full((len(reports), tasks), np.nan)
    for t, report in enumerate(reports):
        matrix[t, : t + 1] = task_row(report, t + 1, scenario)
    return matrix


def _drift(reports: list[dict[str, float]], tasks: int) -> np.ndarray | None:
    """(S, T): the angle between text and picture features of each task's classes after each task; None where
    nobody measured it."""
    if "validation/drift/task_00" not in reports[0]:
        return None
    found = [
        [report.get(f"validation/drift/task_{k:02d}", np.nan) for k in range(tasks)] for report in reports
    ]
    return np.array(found)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
