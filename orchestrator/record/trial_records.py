"""Records the trials and their pictures for MLflow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from methods.method import Scenario

from ..config import RunConfig
from ..errors import UserError
from ..evaluation.protocol import task_row, validation_metrics
from ..evaluation.tables import read_matrix
from ..evaluation.vqa_tables import question_tables
from ..report.what_mattered import WhatMattered
from ..storage.extreme_name import extreme_order
from ..storage.run_files import CONFIG_FILE, IMPORTANCE_FILE, PARETO_FILE
from ..storage.task_key import task_key
from ..storage.trial_files import TEST_FOLDER, TEST_MATRIX_FILE, TEST_MATRIX_PICTURE
from ..tracking import CONFIGURATION, TASKS, Tracker, in_order
from ..tracking.matrix_tag import matrix_tag
from ..tracking.names import IMPORTANCE, MATRIX
from .best_effort import BestEffort
from .configuration_key import configuration_key
from .figure_worker import FigureWorker
from .pareto_plot import ParetoPoint
from .run_context import RunContext
from .run_copy import RunCopy
from .search_plots import SearchedKey, SearchedTrial
from .trial_checkpoints import TrialCheckpoints
from .trial_entry import TrialEntry
from .trial_store import TrialStore

_ORDER = "stream.order"  # a stream of one's own may have none


class TrialRecords:
    """Hands the tracker what MLflow gets of each trial. All of it follows from the trial store.

    Args:
        run: The run.
        store: The trials.
        tracker: The run's record.
        figures: Draws the trials' pictures.
        checkpoints: Frees the disk once a trial has ended.
        config_of: A trial's searched values -> its whole configuration.
        copy: The run at a storage.
        aside: Calls what may fail without harm to the run. The thread that draws calls it.
    """

    def __init__(
        self,
        run: RunContext,
        store: TrialStore,
        tracker: Tracker,
        figures: FigureWorker,
        checkpoints: TrialCheckpoints,
        config_of: Callable[[Mapping[str, Any]], RunConfig],
        copy: RunCopy,
        aside: BestEffort,
    ) -> None:
        self.tracker = tracker
        self.figures = figures
        self._store = store
        self._checkpoints = checkpoints
        self._config_of = config_of
        self._names = run.names
        self._content = run.identity.content
        which = extreme_order(run.folder.name)  # MLflow takes no mean over it and others
        self._extreme = f" {which}" if which else ""
        self._scenario = run.source.scenario
        self._copy = copy
        self._aside = aside

    def start(self, entry: TrialEntry) -> None:
        """Records that a trial begins or goes on."""
        config = self._config_of(entry.values)
        tags = {"method": config.method_name, "stream": config.stream_name, "seed": config.run.seed}
        flat, known_by = config.flat(), configuration_key(config, self._content)
        tags |= {"order": flat.get(_ORDER, "natural"), CONFIGURATION: known_by + self._extreme}
        self.tracker.trial_start(entry.id, flat, tags, searched=list(entry.values), number=entry.number)

    def task(self, trial_id: str, report: Mapping[str, float]) -> None:
        """Records a finished task."""
        task = int(report["task"])
        measured = {name: value for name, value in report.items() if name != "task"}
        self.tracker.task(trial_id, task, in_order({TASKS: task, **measured}))

    def end(self, entry: TrialEntry) -> None:
        """Records what follows from a trial's end: configuration, curves, matrix and tables are artifacts.

        The journal's line on the end comes last. Where it is missing, all of this is done again.
        """
        folder, status, reason = self._store.trial_folder(entry.id), entry.status, entry.reason or None
        self.tracker.artifact(entry.id, folder / CONFIG_FILE)
        self._checkpoints.free(entry)

        def ended() -> None:
            score = self._store.value(entry) if status == "finished" else None
            self._aside("the record", self.tracker.trial_end, entry.id, status, reason, score)

        if not entry.reports:
            ended()
            return
        matrix = _validation_matrix(entry.reports, len(self._names), self._scenario)
        drift = _drift(entry.reports, len(self._names))
        tables = question_tables([validation_metrics(r) for r in entry.reports], self._names)
        self.figures.trial(entry.id, folder, matrix, self._names, drift, tables, ended)

    def tested(self, trial_id: str, metrics: dict[str, float]) -> None:
        """Records the results of a look at the test splits. Checkpoints that an ended trial kept for it are
        freed.
        """
        self.tracker.task(trial_id, len(self._names), in_order(metrics))
        if matrix := self._test_matrix(trial_id):
            self.tracker.tags(trial_id, {MATRIX: matrix})
        entry = self._store.trials[trial_id]
        if entry.status != "running":
            self._checkpoints.free(entry)

    def _test_matrix(self, trial_id: str) -> str:
        """The matrix of test data as a tag's text; empty where it cannot be read, or is too large."""
        try:
            return matrix_tag(read_matrix(self._store.trial_folder(trial_id) / TEST_MATRIX_FILE)[0])
        except UserError:
            return ""

    def draw_test(self, trial_id: str) -> None:
        """Draws the pictures of a look at the test splits."""
        self.figures.test(trial_id, self._store.trial_folder(trial_id) / TEST_FOLDER)

    def make_good(self, entry: TrialEntry) -> None:
        """Records what the trial store has of a trial and the journal does not."""
        if not self.tracker.knows(entry.id):
            self.start(entry)
        for report in entry.reports:
            self.task(entry.id, report)
        if entry.status != "running" and self.tracker.ended(entry.id) != entry.status:
            self._copy.pull(entry.id)
            self.end(entry)
        if metrics := self._store.tested(entry.id):
            self.tested(entry.id, metrics)
            picture = self._store.trial_folder(entry.id) / TEST_MATRIX_PICTURE
            if not self.tracker.has_file(entry.id, picture):
                self.draw_test(entry.id)

    def mattered(
        self,
        folder: Path,
        what: WhatMattered,
        keys: Sequence[SearchedKey],
        trials: Sequence[SearchedTrial],
    ) -> None:
        """Records which values of a search mattered, and draws them, see
        :func:`~orchestrator.record.search_plots.search_pictures`.

        Args:
            folder: The folder, which has the file on what mattered.
            what: Which values mattered.
            keys: What is searched.
            trials: The trials that walked the whole stream.
        """
        self.tracker.artifact(None, folder / IMPORTANCE_FILE, folder.name)
        told = {name: part for name, part in what.plain().items() if name != "said"}
        self.tracker.tags(None, {IMPORTANCE: json.dumps(told, separators=(",", ":"))})
        self.figures.search(folder, what, keys, trials, self._store.objective.metric)

    def pareto(self, folder: Path, points: Sequence[ParetoPoint]) -> None:
        """Records the Pareto set of a search, and draws it, in ``folder``, which has its file."""
        self.tracker.artifact(None, folder / PARETO_FILE, folder.name)
        goals = self._store.objective.all
        metrics = [goal.metric for goal in goals]
        self.figures.pareto(folder, points, metrics, [goal.bound for goal in goals])

    def finish(
        self,
        status: str,
        metrics: Mapping[str, float],
        tags: Mapping[str, Any],
        params: Mapping[str, Any] | None,
        files: Iterable[tuple[Path, str]],
    ) -> None:
        """Records that the run ends.

        Args:
            status: As for :meth:`~orchestrator.tracking.tracker.Tracker.trial_end`.
            metrics: The best trial's metrics, or means over seeds.
            tags: Further tags.
            params: The chosen values.
            files: Files that the whole run shows, where they exist, each with its folder of artifacts.
        """
        for path, artifact in files:
            if path.exists() and not self.tracker.has_file("", path):
                self.tracker.artifact(None, path, artifact)
        if self._store.trials:
            self.tracker.text(None, "trials.txt", self._store.table() + "\n")
        self.tracker.finish(status, in_order(dict(metrics)), tags, params)


def _validation_matrix(reports: list[dict[str, float]], tasks: int, scenario: Scenario) -> np.ndarray | None:
    """(S, T); None where the stream holds nothing out."""
    if not validation_metrics(reports[0]):
        return None
    matrix = np.full((len(reports), tasks), np.nan)
    for t, report in enumerate(reports):
        matrix[t, : t + 1] = task_row(report, t + 1, scenario)
    return matrix


def _drift(reports: list[dict[str, float]], tasks: int) -> np.ndarray | None:
    """(S, T): the angle between text and picture features of each task's classes after each task; None where
    it was not measured.
    """
    if f"validation/drift/{task_key(0)}" not in reports[0]:
        return None
    angles = [
        [report.get(f"validation/drift/{task_key(k)}", np.nan) for k in range(tasks)] for report in reports
    ]
    return np.array(angles)
