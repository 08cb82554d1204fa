"""Follows the trials of a run: prints a line of progress for each task, and keeps the record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..evaluation.objective import Objective
from ..storage.full_disk import full_disk, is_full
from ..tracking import Tracker
from .best_effort import BestEffort
from .figure_worker import FigureWorker
from .manifest import came_to
from .open_tracker import open_tracker
from .open_trial_store import open_trial_store
from .progress import Progress
from .progress_lines import ProgressLines
from .run_context import RunContext
from .run_copy import RunCopy
from .run_progress import RunProgress
from .trial_checkpoints import TrialCheckpoints
from .trial_entry import TrialEntry
from .trial_records import TrialRecords
from .trial_store import TrialStore


class RunRecorder:
    """Takes every trial's proposal, start, tasks, verdicts and end. It prints progress, keeps the store, and
    hands the tracker what MLflow gets.

    The store (:class:`~orchestrator.record.trial_store.TrialStore`) decides a run. It is written first, and
    where it cannot be written :attr:`fatal` says so. All else is derived from it. Where a derived part fails
    (journal, pictures, storage), a line says so once and no trial changes. The part is made good when the run
    is opened again.

    Args:
        store: The trials.
        tracker: The run's record.
        config_of: A trial's searched values -> its whole configuration.
        run: The run.
        trials: How many trials are to come; 0: that is not known.
        all_tested: Whether every trial is to be tested, not only the best.

    Attributes:
        names: The tasks' names, in order.
        fatal: Why the run had to stop, where the reason concerns all trials; empty: there is none.
        interrupted: Whether trials end at their next task, to be resumed another time.
        hurried: Whether :meth:`finish` was interrupted.
    """

    def __init__(
        self,
        store: TrialStore,
        tracker: Tracker,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        run: RunContext,
        trials: int,
        *,
        all_tested: bool = False,
    ) -> None:
        self.store = store
        self.names = run.names
        self.fatal = ""
        self.interrupted = False
        self.hurried = False
        self._config_of = config_of
        self._copy = RunCopy(run.kept, store)
        self._aside = BestEffort(run.say, self._stop)
        lines = ProgressLines(trials, run.names, store.objective.metric)
        self._progress = Progress(lines, RunProgress(store, trials), run.say, run.live)
        keep = run.config.run.keep
        self._checkpoints = TrialCheckpoints(store, self._copy.keep_only, all_tested=all_tested, keep=keep)
        figures = FigureWorker(tracker.artifact, run.say)
        self._records = TrialRecords(
            run, store, tracker, figures, self._checkpoints, config_of, self._copy, self._aside
        )

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
        """Opens, or opens again, the trial store and the record of a run. The record is completed where a
        process died before it was done.

        Args:
            run: The run. Its trials share its configuration, except for the keys ``searched``.
            config_of: A trial's searched values -> its whole configuration.
            objective: The objective.
            trials: How many trials are to come; 0: that is not known.
            check_values: Takes a trial's folder and values, and raises where the trial does not belong to the
                run. A storage may bring such a trial.
            searched: The keys in which the trials differ.
            all_tested: Whether every trial is to be tested, not only the best.

        Raises:
            UserError: A trial is not one of the run's, or the record cannot be opened.
        """
        store = open_trial_store(run, config_of, objective, check_values)
        tracker = open_tracker(run, objective, trials, searched, all_tested=all_tested)
        recorder = cls(store, tracker, config_of, run, trials, all_tested=all_tested)
        recorder.make_good()
        return recorder

    def make_good(self) -> None:
        """Hands the tracker what the store knows and the journal does not. A driver may have died between the
        two.
        """
        for entry in self.store.trials.values():
            if entry.status != "running" or entry.reports or self._records.tracker.knows(entry.id):
                self._aside("the record", self._records.make_good, entry)

    def finish(
        self,
        status: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        files: Iterable[tuple[Path, str]] = (),
    ) -> list[str]:
        """Ends the record once the last picture is drawn. A run that ended before its first trial is not
        sent.

        Args:
            status: As for :meth:`~orchestrator.tracking.tracker.Tracker.trial_end`.
            metrics: The best trial's metrics, or means over seeds.
            tags: Further tags.
            params: The chosen values.
            files: Files of trials that the whole run shows, where they exist, each with its folder of
                artifacts.

        Returns:
            Lines for the user: how to look at the record, and what did not arrive. Where the call was
            interrupted, they say so, and a resumed run makes it good.
        """
        try:
            self.close()
            if status == "interrupted" and not self.store.trials:
                return []
            self._aside("the record", self._records.finish, status, metrics, tags, params, files)
            message = self._records.tracker.close().message
            self._aside("the storage", self._copy.push_all)
        except KeyboardInterrupt:
            self.hurried = True
            self._records.figures.abandon()
            return ["The record was not waited for; what it lacks is added when the run is resumed."]
        lines = ["Compare in MLflow:", f"  {self._records.tracker.where()}"]
        return [*lines, "", message] if message else lines

    def safely(self, call: Callable[..., Any], *args: Any) -> bool:
        """Calls one of this object's own methods. Where it raises, :attr:`fatal` says why. The run then has
        to stop with its trials unfinished, and Tune or a lane must not take the error for a trial's own.

        Returns:
            Whether the call did not raise.
        """
        try:
            call(*args)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is no trial's
            lines = str(error).strip().splitlines() or [type(error).__name__]
            self._stop(full_disk(self.store.folder) if is_full(error) else lines[0])
            return False
        return True

    def propose(self, trial_id: str, values: dict[str, Any], number: int | None = None) -> None:
        """Writes the proposal of a trial down, also where the run is kept, before any training uses it.

        Args:
            trial_id: The trial's id.
            values: Its searched values.
            number: See :meth:`~orchestrator.record.trial_store.TrialStore.propose`.
        """
        self.store.propose(trial_id, values, self._config_of(values).to_dict(), number)
        self._copy.push_proposal(trial_id)

    def came_to(self, trials: int) -> None:
        """Writes down, also where the run is kept, to how many trials the search has come with its budget."""
        came_to(self.store.folder.parent, trials)
        self._copy.push_manifest()

    def decide(self, trial_id: str, task: int, go: bool) -> None:
        """Writes down, also where the run is kept, whether the search lets a trial go on. This happens before
        the verdict takes effect.

        Args:
            trial_id: The trial's id.
            task: How many tasks it has done.
            go: Whether it goes on.
        """
        self.store.decide(trial_id, task, go)
        self._copy.push_verdicts(trial_id)

    def start(self, trial_id: str, values: dict[str, Any], number: int | None = None) -> None:
        """Takes the start of a trial.

        Args:
            trial_id: The trial's id.
            values: Its searched values.
            number: See :meth:`~orchestrator.record.trial_store.TrialStore.propose`.
        """
        again = self._records.tracker.knows(trial_id)
        known = trial_id in self.store.trials  # its configuration is written down then
        entry = self.store.start(trial_id, values, {} if known else self._config_of(values).to_dict(), number)
        self._aside("the record", self._records.start, entry)
        self._progress.started(entry, values, again=again)
        self._aside("the storage", self._copy.push, trial_id)

    def task(self, trial_id: str, metrics: dict[str, Any]) -> None:
        """Takes a finished task of a trial."""
        numbers = {
            k: float(v) for k, v in metrics.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        fresh = self.store.report(trial_id, numbers)
        # A report that the store has is recorded too: the driver may have ended between a lane's writing and
        # its own.
        self._aside("the record", self._records.task, trial_id, numbers)
        if fresh:
            entry = self.store.trials[trial_id]
            self._progress.task(entry, numbers, self.store.value(entry))

    def catch_up(self) -> None:
        """Takes the tasks and looks at test that unfinished trials have finished while the driver did not
        listen. Ends the trials of a search that had done all tasks, or that the search had decided to stop.
        """
        for entry in [entry for entry in self.store.trials.values() if entry.status == "running"]:
            self._take_tasks(entry)
            done = len(entry.reports)
            if metrics := self.store.tested(entry.id):
                self.tested(entry.id, metrics)
                self.end(entry.id, "finished")
            elif not self._checkpoints.all_tested and done == self.store.tasks:
                self.end(entry.id, "finished")
            elif entry.verdicts.get(done) is False:
                self.end(entry.id, "stopped")

    def _take_tasks(self, entry: TrialEntry) -> None:
        """Takes the finished tasks that a trial's folder has and that were not reported."""
        self._aside("the storage", self._copy.pull, entry.id)
        for report in self.store.refresh(entry):
            self._aside("the record", self._records.task, entry.id, report)
            self._progress.task(entry, report, self.store.value(entry))

    def end(self, trial_id: str, status: str, reason: str = "", infeasible: bool = False) -> None:
        """Takes the end of a trial. Its curves, matrix and configuration become artifacts.

        Args:
            trial_id: The trial's id.
            status: ``finished``, ``stopped`` (by the scheduler) or ``failed``.
            reason: Why it failed.
            infeasible: Whether its own values made it fail.
        """
        entry = self.store.trials[trial_id]
        self._aside("the storage", self._copy.pull, trial_id)
        self.store.refresh(entry)
        self.store.end(trial_id, status, reason, infeasible)
        self._progress.ended(entry, status, reason)
        self._aside("the record", self._records.end, entry)
        self._aside("the storage", self._copy.push, trial_id)

    def tested(self, trial_id: str, metrics: dict[str, float]) -> None:
        """Takes the test metrics of a finished trial's checkpoints."""
        self._aside("the storage", self._copy.pull, trial_id)
        self._aside("the record", self._records.tested, trial_id, metrics)
        self._records.draw_test(trial_id)

    def known_test(self, trial_id: str) -> dict[str, float]:
        """Reads the test metrics of a trial's checkpoints, also where the driver did not hear of them.

        Returns:
            The test metrics; empty where it was not tested.
        """
        if not self.store.tested(trial_id) and self._copy.kept is not None:
            self._aside("the storage", self._copy.pull, trial_id)
            if self.store.tested(trial_id):
                looked_at = self.store.trials[trial_id]
                self._aside("the record", self._records.make_good, looked_at)
                # kept while the driver did not know of the look
                self._aside("the storage", self._checkpoints.free, looked_at)
        return self.store.tested(trial_id)

    def mattered(self, folder: Path, *drawn: Any) -> None:
        """See :meth:`~orchestrator.record.trial_records.TrialRecords.mattered`."""
        self._aside("the record", self._records.mattered, folder, *drawn)

    def pareto(self, folder: Path, *drawn: Any) -> None:
        """See :meth:`~orchestrator.record.trial_records.TrialRecords.pareto`."""
        self._aside("the record", self._records.pareto, folder, *drawn)

    def close(self) -> None:
        """Waits until the last picture is drawn."""
        self._records.figures.close()

    def _stop(self, reason: str) -> None:
        self.fatal = self.fatal or reason
