"""Draws a trial's pictures in a process of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from ..evaluation.tables import Table, read_matrix, read_table, write_matrix, write_table
from ..evaluation.vqa_tables import QUESTION_TABLES
from ..report.what_mattered import WhatMattered
from ..storage.curve_file import read_curves
from ..storage.trial_files import (
    CHECKPOINTS_FILE,
    CURVES_FILE,
    CURVES_PICTURE,
    DRIFT_PICTURE,
    MATRIX_FILE,
    MATRIX_PICTURE,
    PREDICTIONS_FILE,
    TEST_FOLDER,
    TRIES_FILE,
)
from . import plots
from .pareto_plot import ParetoPoint, pareto_picture
from .pen import Pen
from .picture_title import run_title, score_title
from .search_plots import SearchedKey, SearchedTrial, search_pictures

LOGGED_BYTES = 16_000_000
"""Predictions of a look at test data that take more bytes stay in the run's folder alone."""


class FigureWorker:
    """Draws in the background, at low priority.

    A picture takes longer than a task of a small trial, and neither the trials' reports nor the record should
    wait for it. No method raises because of a picture: a process that dies while it draws is replaced, and
    its picture is drawn once more.

    Args:
        done: ``done(trial_id, file, subfolder)`` is called for each file, from another thread. The id is None
            for a picture of a whole search.
        say: Takes a line on what could not be drawn.
    """

    def __init__(
        self, done: Callable[[str | None, Path, str | None], None], say: Callable[[str], None]
    ) -> None:
        self._done = done
        self._say = say
        self._lock = threading.RLock()
        self._pen: Pen | None = None
        self._under_way: set[Future[list[Path]]] = set()
        self._over = False

    def trial(
        self,
        trial_id: str,
        folder: Path,
        matrix: np.ndarray | None,
        names: list[str],
        drift: np.ndarray | None,
        tables: Mapping[str, Table],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Draws the pictures of a trial that has ended.

        Args:
            trial_id: The trial's id.
            folder: The trial's folder, which has the loss curves.
            matrix: The validation matrix (S, T); None where nothing was held out.
            names: The tasks' names.
            drift: (S, T) in degrees; None where it was not measured.
            tables: See :func:`~orchestrator.evaluation.vqa_tables.question_tables`.
            then: Called once all pictures that can be drawn are done.
        """
        self._draw(trial_id, None, then, _draw_trial, folder, matrix, names, drift, tables)

    def test(self, trial_id: str, folder: Path) -> None:
        """Draws the test matrix in ``folder/matrix.csv``, and the tables of questions beside it. A table of
        checkpoints is passed on as it is, and so are predictions of up to :data:`LOGGED_BYTES`.
        """
        self._draw(trial_id, TEST_FOLDER, lambda: None, _draw_test, folder)

    def search(
        self,
        folder: Path,
        what: WhatMattered,
        keys: Sequence[SearchedKey],
        trials: Sequence[SearchedTrial],
        objective: str,
    ) -> None:
        """Draws the pictures of a whole search, see
        :func:`~orchestrator.record.search_plots.search_pictures`.

        Args:
            folder: The folder of the pictures.
            what: Which values mattered.
            keys: What is searched.
            trials: The trials that walked the whole stream.
            objective: The objective of the search.
        """
        how = folder, what, keys, trials, objective, folder.parent.name
        self._draw(None, folder.name, lambda: None, search_pictures, *how)

    def pareto(
        self,
        folder: Path,
        points: Sequence[ParetoPoint],
        metrics: Sequence[str],
        bounds: Sequence[float | None],
    ) -> None:
        """Draws the Pareto set of a search; the arguments are those of
        :func:`~orchestrator.record.pareto_plot.pareto_picture`.
        """
        title = f"{folder.parent.name}: {len(points)} whole trials, on validation"
        self._draw(None, folder.name, lambda: None, pareto_picture, folder, points, metrics, bounds, title)

    def close(self) -> None:
        """Waits until the last picture is drawn."""
        while waiting := list(self._under_way):
            wait(waiting)
            # A picture leaves the list once its follow-up is done, on the pool's own thread.
            time.sleep(0.01)
        with self._lock:
            if self._pen is not None:
                self._pen.close()
                self._pen = None

    def abandon(self) -> None:
        """Stops without waiting. Pictures that are not drawn yet are never drawn."""
        self._over = True
        with self._lock:
            if self._pen is not None:
                self._pen.abandon()
                self._pen = None

    def _draw(
        self,
        trial_id: str | None,
        subfolder: str | None,
        then: Callable[[], None],
        draw: Callable[..., list[Path]],
        *args: Any,
        again: bool = True,
    ) -> None:
        def finished(drawn: Future[list[Path]]) -> None:
            try:
                if self._over:
                    return
                error = drawn.exception()
                if isinstance(error, BrokenProcessPool) and again:
                    self._draw(trial_id, subfolder, then, draw, *args, again=False)
                    return
                if error is not None:
                    self._say(f"pictures of {trial_id or 'the search'} could not be drawn: {error}")
                else:
                    for path in drawn.result():
                        self._done(trial_id, path, subfolder)
                then()
            except Exception as error:  # noqa: BLE001 - the record reports its own errors
                self._say(f"pictures of {trial_id or 'the search'} are not in the record: {error}")
            finally:
                self._under_way.discard(drawn)

        future = self._submit(draw, args)
        self._under_way.add(future)
        future.add_done_callback(finished)

    def _submit(self, draw: Callable[..., list[Path]], args: tuple[Any, ...]) -> Future[list[Path]]:
        with self._lock:
            if self._pen is None:
                self._pen = Pen()
            return self._pen.submit(draw, *args)


def _draw_trial(
    folder: Path,
    matrix: np.ndarray | None,
    names: list[str],
    drift: np.ndarray | None,
    tables: Mapping[str, Table],
) -> list[Path]:
    files, title = [], run_title(folder)
    if matrix is not None:
        files = [folder / MATRIX_FILE, folder / MATRIX_PICTURE]
        write_matrix(files[0], matrix, names)
        score = score_title(folder, "validation", matrix)
        plots.matrix_heatmap(files[1], matrix, names, f"{title}:\n{score}")
    curves = folder / CURVES_FILE
    terms, ends = read_curves(curves)
    if terms:  # a method that trains nothing has none
        plots.loss_curves(folder / CURVES_PICTURE, terms, ends, names, f"{title}: terms of the loss")
        files += [curves, folder / CURVES_PICTURE]
    if (tries := folder / TRIES_FILE).exists():
        files.append(tries)
    if drift is not None:
        what = f"{title}: angle between texts and pictures, validation"
        plots.drift_over_tasks(folder / DRIFT_PICTURE, drift, names, what)
        files.append(folder / DRIFT_PICTURE)
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table, QUESTION_TABLES[name].corner)
    return files + _draw_tables(folder, list(tables), f"{title}: accuracy on validation")


def _draw_test(folder: Path) -> list[Path]:
    files = [folder / MATRIX_FILE, folder / MATRIX_PICTURE]
    matrix, names = read_matrix(files[0])
    title = run_title(folder.parent)
    plots.matrix_heatmap(files[1], matrix, names, f"{title}:\n{score_title(folder.parent, 'test', matrix)}")
    there = [name for name in QUESTION_TABLES if (folder / f"{name}.csv").exists()]
    if (checkpoints := folder / Path(CHECKPOINTS_FILE).name).exists():
        files.append(checkpoints)
    predictions = folder / Path(PREDICTIONS_FILE).name
    if predictions.exists() and predictions.stat().st_size <= LOGGED_BYTES:
        files.append(predictions)
    return files + _draw_tables(folder, there, f"{title}: accuracy on test")


def _draw_tables(folder: Path, names: list[str], title: str) -> list[Path]:
    files = []
    for name in names:
        file, picture, shown = folder / f"{name}.csv", folder / f"{name}.png", QUESTION_TABLES[name]
        table = read_table(file, shown.corner)
        plots.table_heatmap(picture, table, xlabel=shown.xlabel, ylabel=shown.ylabel, title=title)
        files += [file, picture]
    return files
