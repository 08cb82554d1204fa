"""Follows the trials: a line of progress each task, and the record."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from methods.method import Scenario

from ..config import RunConfig
from ..evaluation.objective import Objective
from ..evaluation.protocol import task_row, validation_metrics
from ..evaluation.vqa_tables import question_tables
from ..storage import checkpoint
from ..storage.atomic_write import write_text
from ..storage.full_disk import full_disk, is_full
from ..storage.run_files import CONFIG_FILE, SPACE_FILE, SWEEP_FILE, TRAIN_FILE, trials_of
from ..storage.run_storage import RunStorage, StorageTaken
from ..storage.task_key import task_key
from ..storage.trial_files import STATUS_FILE, TEST_FOLDER, TRIAL_FILE
from ..streams.shown_task import shown_task
from ..tracking import TASKS, Tracker, environment_tags, in_order, recorded
from .figure_worker import FigureWorker
from .run_context import RunContext
from .trial_entry import TrialEntry
from .trial_store import TrialStore

_REQUESTS = (SWEEP_FILE, SPACE_FILE, TRAIN_FILE, CONFIG_FILE)  # in a run's own folder


class RunRecorder:
    """Told of every trial's proposal, start, tasks, verdicts and end; prints, keeps the book, and hands the
    tracker what MLflow gets.

    What decides a run is the book's (:class:`~orchestrator.record.trial_store.TrialStore`): it is written
    first, and where it cannot be written :attr:`fatal` says so. All else is derived from it: what of that
    fails (journal, pictures, storage) is said once, changes no trial, and is made good when the run is opened
    again.

    ``config_of``: a trial's searched values -> its whole configuration. ``task_names``: of the stream, in
    order. ``trials``: how many are to come. ``kept``: where the run is kept beside its folder.
    ``all_tested``: whether every trial is to be tested, not the best alone.
    """

    def __init__(
        self,
        book: TrialStore,
        tracker: Tracker,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        task_names: list[str],
        scenario: Scenario,
        trials: int,
        kept: RunStorage | None,
        say: Callable[[str], None],
        *,
        all_tested: bool = False,
    ) -> None:
        self.book = book
        self._all_tested = all_tested
        self._tracker = tracker
        self._config_of = config_of
        self.names = task_names
        self._scenario = scenario
        self.fatal = ""
        """Why the sweep had to stop, where something no trial could mend stopped it."""
        self.interrupted = False
        """Whether trials are to end at their next task, to be gone on with another time."""
        self.hurried = False
        """Whether :meth:`finish` was interrupted."""
        self.tick: Callable[[], None] = lambda: None
        """Called often while trials run."""
        self.report_of: Callable[[str, int], dict[str, float] | None] = lambda trial_id, task: {}
        """Trial and task (from 1) -> what the trial reported after it; None: it is in the trial's folder."""
        self.abandon: Callable[[str], None] = lambda trial_id: None
        """Tells the lanes that nobody waits for a trial any more."""
        self._trials = trials
        self._kept = kept
        self._say = say
        self._said: set[str] = set()
        self._best = book.best()
        self._artist = FigureWorker(tracker.artifact, say)

    @classmethod
    def open(
        cls,
        run: RunContext,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        objective: Objective,
        trials: int,
        *,
        check_values: Callable[[str, Mapping[str, Any]], None],
        searched: Collection[str] = (),
        all_tested: bool = False,
    ) -> RunRecorder:
        """Opens, or opens again, book and record of ``run``, whose trials share its configuration but for the
        keys ``searched``; what a death left undone of the record is done. ``check_values``: raises for the
        folder and the values of a trial that is none of the run's, as one of a storage's may be.
        """
        folder, config, kept, task_names = run.folder, run.config, run.kept, run.names
        if kept is not None:
            for place in sorted(trials_of(folder).glob(f"*/{TRIAL_FILE}")):
                if not (place.parent / STATUS_FILE).exists():
                    kept.pull(place.parent.name)
        book = TrialStore(trials_of(folder), objective, len(task_names), run.identity.stamp)
        for entry in book.trials.values():
            check_values(str(book.place(entry.id)), entry.values)
            if not (book.place(entry.id) / CONFIG_FILE).exists():  # no storage's is taken
                write_text(book.place(entry.id) / CONFIG_FILE, config_of(entry.values).yaml())
        experiment = f"{config.method_name} on {config.stream_name}"
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        tracker = Tracker(folder, uri, experiment, folder.name, run=run.identity.run)
        shared = {key: value for key, value in config.flat().items() if key not in searched}
        all_seeds = " ".join(map(str, run.seeds))
        tracker.start(
            shared | {"objective": objective.metric, "seeds": all_seeds},
            {"method": config.method_name, "stream": config.stream_name} | environment_tags(),
            objective=recorded(objective.metric),
            mode=objective.mode,
            kind="train" if all_tested else "sweep",
            own_tags={"seeds": all_seeds, "trials": trials},  # a search may be given more
        )
        for name in _REQUESTS:
            if (folder / name).exists() and not tracker.has_file("", folder / name):
                tracker.artifact(None, folder / name)
        scenario = run.source.scenario
        watch = cls(
            book, tracker, config_of, task_names, scenario, trials, kept, run.say, all_tested=all_tested
        )
        watch.make_good()
        return watch

    def make_good(self) -> None:
        """Hands the tracker what the book knows and the journal does not: a driver may have died between the
        two.
        """
        for entry in self.book.trials.values():
            if entry.status != "running" or entry.reports or self._tracker.knows(entry.id):
                self._aside("the record", self._make_good, entry)

    def _make_good(self, entry: TrialEntry) -> None:
        if not self._tracker.knows(entry.id):
            self._record_start(entry)
        for report in entry.reports:
            self._record_task(entry.id, report)
        if entry.status != "running" and self._tracker.ended(entry.id) != entry.status:
            if self._kept is not None:
                self._kept.pull(entry.id)
            self._record_end(entry)
        found, place = self.book.tested(entry.id), self.book.place(entry.id) / TEST_FOLDER
        if found:
            self._tracker.task(entry.id, len(self.names), in_order(found))
            if not self._tracker.has_file(entry.id, place / "matrix.png"):
                self._artist.test(entry.id, place)
            if entry.status != "running":
                self._free_disk(entry)  # kept while nobody knew of the look

    def finish(
        self,
        status: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        files: Iterable[tuple[Path, str]] = (),
    ) -> list[str]:
        """Ends the record once the last picture is drawn. ``params``: what was chosen. ``files``: those of
        trials that the whole run shows, where they were made, and where. Lines for the user: how to look at
        the record, and what did not arrive; none of a run that ended before its first trial, which is not
        sent. Where it is interrupted, the lines say so, and a resumed run makes it good.
        """

        def record() -> None:
            for path, place in files:
                if path.exists() and not self._tracker.has_file("", path):
                    self._tracker.artifact(None, path, place)
            if self.book.trials:
                self._tracker.text(None, "trials.txt", self.book.table() + "\n")
            self._tracker.finish(status, in_order(dict(metrics)), tags, params)

        try:
            return self._finish(status, record)
        except KeyboardInterrupt:
            self.hurried = True
            self._artist.abandon()
            return ["The record was not waited for; what it lacks is added when the run is resumed."]

    def _finish(self, status: str, record: Callable[[], None]) -> list[str]:
        self.close()
        if status == "interrupted" and not self.book.trials:
            return []
        self._aside("the record", record)
        message = self._tracker.close().message
        if self._kept is not None:
            self._aside("the storage", self._kept.push_all)
        lines = ["Compare in MLflow:", f"  {self._tracker.where()}"]
        return [*lines, "", message] if message else lines

    def safely(self, call: Callable[..., Any], *args: Any) -> bool:
        """Calls one of this object's own; where it raises, the run has to stop, its trials unfinished:
        whoever drives the trials must not take it for theirs. Answers whether all went well.
        """
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no trial's
            lines = str(error).strip().splitlines() or [type(error).__name__]
            self.fatal = self.fatal or (full_disk(self.book.folder) if is_full(error) else lines[0])
            return False
        return True

    def propose(self, trial_id: str, values: dict[str, Any], number: int | None = None) -> None:
        """A trial is to begin: its proposal is written down, where the run is kept as well, before anybody
        trains by it. ``number``: see :meth:`~orchestrator.record.trial_store.TrialStore.propose`.
        """
        self.book.propose(trial_id, values, self._config_of(values).to_dict(), number)
        if self._kept is not None:
            self._kept.push_proposal(trial_id)

    def decide(self, trial_id: str, task: int, go: bool) -> None:
        """The search has said whether a trial goes on after ``task`` tasks: it is written down, where the run
        is kept as well, before anybody acts on it.
        """
        self.book.decide(trial_id, task, go)
        if self._kept is not None:
            self._kept.push_verdicts(trial_id)

    def start(self, trial_id: str, values: dict[str, Any], number: int | None = None) -> None:
        """A trial begins; ``number``: see :meth:`~orchestrator.record.trial_store.TrialStore.propose`."""
        again = self._tracker.knows(trial_id)
        known = trial_id in self.book.trials  # then its configuration is written down
        entry = self.book.start(trial_id, values, {} if known else self._config_of(values).to_dict(), number)
        self._aside("the record", self._record_start, entry)
        shown = "  ".join(f"{key.removeprefix('method.')}={_short(value)}" for key, value in values.items())
        self._say(f"{self._place(entry)} {'goes on' if again else 'starts'}  {shown}")
        self._push(trial_id)

    def _record_start(self, entry: TrialEntry) -> None:
        config = self._config_of(entry.values)
        tags = {"method": config.method_name, "stream": config.stream_name, "seed": config.run.seed}
        self._tracker.trial_start(
            entry.id, config.flat(), tags, searched=list(entry.values), number=entry.number
        )

    def task(self, trial_id: str, metrics: dict[str, Any]) -> None:
        """A trial has finished a task."""
        numbers = {
            k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        fresh = self.book.report(trial_id, numbers)
        # Also what the book knows: the driver may have ended between a lane's writing and its own.
        self._aside("the record", self._record_task, trial_id, numbers)
        if fresh:
            self._say_task(self.book.trials[trial_id], numbers)

    def _record_task(self, trial_id: str, report: Mapping[str, float]) -> None:
        task = int(report["task"])
        measured = {name: value for name, value in report.items() if name != "task"}
        self._tracker.task(trial_id, task, in_order({TASKS: task, **measured}))

    def _say_task(self, entry: TrialEntry, numbers: Mapping[str, float]) -> None:
        done, value = int(numbers["task"]), self.book.value(entry)
        objective = self.book.objective.metric
        parts = [f"{objective} {value:.1f}" if value is not None else ""]
        for key, name in (("validation/average", "average"), ("validation/forgetting", "forgetting")):
            if key in numbers and key != objective:
                parts.append(f"{name} {round(numbers[key], 1) + 0.0:.1f}")  # + 0.0: no -0.0
        seconds = sum(numbers.get(f"seconds/{stage}", 0) for stage in ("train", "evaluate", "checkpoint"))
        self._say(
            f"{self._place(entry)} task {done}/{len(self.names)} {shown_task(self.names[done - 1])}: "
            f"{'  '.join(filter(None, parts))}  ({seconds:.1f} s)"
        )

    def catch_up(self) -> None:
        """Takes what was finished of unfinished trials while nobody listened: tasks, a look at test, and a
        search's trials that had done all tasks, or that the search had said should stop.
        """
        for entry in [entry for entry in self.book.trials.values() if entry.status == "running"]:
            self.find(entry.id)
            done = len(entry.reports)
            if found := self.book.tested(entry.id):
                self.tested(entry.id, found)
                self.end(entry.id, "finished")
            elif not self._all_tested and done == self.book.tasks:
                self.end(entry.id, "finished")
            elif entry.verdicts.get(done) is False:
                self.end(entry.id, "stopped")

    def find(self, trial_id: str) -> None:
        """Takes what a trial's folder has of tasks that nobody told of."""
        entry = self.book.trials[trial_id]
        if self._kept is not None:
            self._aside("the storage", self._kept.pull, entry.id)
        for report in self.book.refresh(entry):
            self._aside("the record", self._record_task, entry.id, report)
            self._say_task(entry, report)

    def end(self, trial_id: str, status: str, reason: str = "") -> None:
        """A trial has ended: its curves, matrix and configuration become artifacts."""
        entry = self.book.trials[trial_id]
        if self._kept is not None:
            self._aside("the storage", self._kept.pull, trial_id)
        self.book.refresh(entry)
        self.book.end(trial_id, status, reason)
        self._say(f"{self._place(entry)} {status}{': ' + reason if reason else ''}")
        self._aside("the record", self._record_end, entry)
        self._push(trial_id)

    def _record_end(self, entry: TrialEntry) -> None:
        """What follows from a trial's end. The journal's line on it comes last: without it all of this is
        done again.
        """
        folder, status, reason = self.book.place(entry.id), entry.status, entry.reason or None
        self._tracker.artifact(entry.id, folder / CONFIG_FILE)
        self._free_disk(entry)

        def ended() -> None:
            score = self.book.value(entry) if status == "finished" else None
            self._aside("the record", self._tracker.trial_end, entry.id, status, reason, score)

        if not entry.reports:
            ended()
            return
        matrix = _validation_matrix(entry.reports, len(self.names), self._scenario)
        drift = _drift(entry.reports, len(self.names))
        tables = question_tables([validation_metrics(r) for r in entry.reports], self.names)
        self._artist.trial(entry.id, folder, matrix, self.names, drift, tables, ended)

    def _free_disk(self, entry: TrialEntry) -> None:
        """Of the trials that have ended, only the best so far keeps more than its last checkpoint, as it may
        be tested, and one whose look at test failed, as it may be looked at again.
        """
        best = self.book.best()
        for ended in {id(t): t for t in (entry, self._best) if t is not None}.values():
            untested = ended.status == "failed" and len(ended.reports) == self.book.tasks
            untested |= self._all_tested and not self.book.tested(ended.id)
            if ended is not best and ended.reports and not untested:
                last = len(ended.reports) - 1
                if self._kept is None:
                    checkpoint.keep_only(self.book.place(ended.id), last)
                else:
                    self._kept.keep_only(ended.id, last)
        self._best = best

    def tested(self, trial_id: str, metrics: dict[str, float]) -> None:
        """The test splits were looked at with a finished trial's checkpoints."""
        if self._kept is not None:
            self._aside("the storage", self._kept.pull, trial_id)
        self._aside("the record", self._tracker.task, trial_id, len(self.names), in_order(metrics))
        self._artist.test(trial_id, self.book.place(trial_id) / TEST_FOLDER)

    def known_test(self, trial_id: str) -> dict[str, float]:
        """What a look at the test splits found with a trial's checkpoints, whoever was there to hear of it;
        empty where nobody looked.
        """
        if not self.book.tested(trial_id) and self._kept is not None:
            self._aside("the storage", self._kept.pull, trial_id)
            if self.book.tested(trial_id):
                looked_at = self.book.trials[trial_id]
                self._aside("the record", self._make_good, looked_at)
                self._aside("the storage", self._free_disk, looked_at)  # kept while nobody knew of the look
        return self.book.tested(trial_id)

    def close(self) -> None:
        """Waits until the last picture is drawn."""
        self._artist.close()

    def _push(self, trial_id: str) -> None:
        if self._kept is not None:
            self._aside("the storage", self._kept.push, trial_id)

    def _aside(self, what: str, call: Callable[..., Any], *args: Any) -> None:
        """Does what a run's outcome does not depend on; what goes wrong is said once for each ``what``."""
        try:
            call(*args)
        except StorageTaken as error:
            self.fatal = self.fatal or str(error)
        except Exception as error:  # noqa: BLE001 - file systems, stores and pools have errors of their own
            if what not in self._said:
                self._said.add(what)
                line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                self._say(f"{what} lacks something ({line}); it is made good when the run is resumed")

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
    if f"validation/drift/{task_key(0)}" not in reports[0]:
        return None
    found = [
        [report.get(f"validation/drift/{task_key(k)}", np.nan) for k in range(tasks)] for report in reports
    ]
    return np.array(found)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
