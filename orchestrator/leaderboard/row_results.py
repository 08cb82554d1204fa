"""Makes the rows' figures for tables and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..metrics.against_references import against_references
from ..record.comparison.groups import order_of
from ..record.comparison.references import references_beside
from ..report.method_result import MethodResult
from ..report.pair_result import PairResult
from ..report.run_cost import run_cost
from ..tracking.record_reader import RecordReader
from ..tracking.recorded_run import RecordedRun
from .added_metric import AddedMetric
from .recorded_matrix import recorded_matrix
from .recorded_predictions import recorded_predictions
from .row import Row, stream_of
from .search_results import search_results
from .task_reports import task_reports
from .tested_trial import TestedTrial

Added = Mapping[str, AddedMetric]
"""Metric -> how it is computed."""


class RowResults:
    """Makes results of the rows of one stream.

    Args:
        reader: The record.
        rows: The rows. Runs of several rows with one seed and one order have one number, where their streams
            are alike: an order of one stream is none of another.
        added: The metrics that are computed where a run did not log them.
        page: Whether what a page has is read: all matrices, the trials of searches, and what they chose.
        references: The record's reference runs, where metrics beside them are asked for.

    Attributes:
        unread: A line for each file of a run that a metric needs and that cannot be read.
        unread_for_page: A line for each such file that no metric needs.
        beside: The names of the reference runs that metrics were computed beside.
    """

    def __init__(
        self,
        reader: RecordReader,
        rows: Sequence[Row],
        added: Added,
        *,
        page: bool,
        references: Sequence[TestedTrial] = (),
    ) -> None:
        self.unread: list[str] = []
        self.unread_for_page: list[str] = []
        self.beside: list[str] = []
        self._references = references
        self._page = page
        self._reader = reader
        self._added = added
        runs = [run for row in rows for run in row.trials]
        self._orders = {order_of(run): run.order for run in reversed(runs)}  # one name for one order
        streams = dict.fromkeys(tuple(stream_of(run).items()) for run in runs)
        self._streams = {stream: number for number, stream in enumerate(streams, 1)}
        pairs = {(self._stream(run), *self._pair(run)) for run in runs}
        ordered = sorted(pairs, key=lambda pair: (pair[0], _key(pair[1]), _key(pair[2])))
        self._numbers = {pair: number for number, pair in enumerate(ordered, 1)}

    def of(self, row: Row) -> MethodResult:
        """The result of a row.

        Raises:
            UserError: The record cannot be read, or a metric cannot be computed. The message is one line.
        """
        pairs = [self._result(run) for run in row.trials]
        scores = [search.score for search in row.searches if search.score is not None]
        known = row.searches and not row.unknown and all(search.spent for search in row.searches)
        keys = set.intersection(*(set(search.spent) for search in row.searches)) if known else set()
        return MethodResult(
            row.group.label,
            row.spent_trials,
            sum(search.failed for search in row.searches),
            row.group.runs[0].memory,
            tuple(sorted(pairs, key=lambda pair: pair.number)),
            scores[0] if len(scores) == 1 and not row.unknown else None,
            spent={key: sum(search.spent[key] for search in row.searches) for key in sorted(keys)},
            **(search_results(self._reader, row, self.unread_for_page) if self._page else {}),
        )

    def _result(self, run: TestedTrial) -> PairResult:
        assert run.recorded is not None and run.test is not None
        test = {name.removeprefix("test/"): value for name, value in run.test.items()}
        missing = {name: metric for name, metric in self._added.items() if name not in test}
        taken = {file for metric in missing.values() for file in metric.takes}
        needed = "matrix" in taken or bool(self._references)
        asked = needed or self._page
        matrix = self._matrix(run.recorded, needed=needed) if asked else None
        predictions = self._predictions(run.recorded) if "predictions" in taken else None
        found = {"matrix": matrix, "predictions": predictions}
        test |= {name: metric.compute(found) for name, metric in missing.items() if _has(found, metric)}
        if matrix is not None:
            test |= self._against(run, matrix)
        cost = run_cost(task_reports(self._reader, run.recorded))
        seed, order = self._pair(run)
        stream = self._stream(run)
        arranged = f"order {order} of stream {stream}" if len(self._streams) > 1 else ""
        number = self._numbers[stream, seed, order]
        return PairResult(number, seed, order, test, cost, matrix, run.name, arranged)

    def _against(self, run: TestedTrial, matrix: np.ndarray) -> dict[str, float]:
        """The metrics beside the references of a run's seed and order."""
        found: dict[str, np.ndarray] = {}
        for kind, other in references_beside(run, self._references).items():
            assert other.recorded is not None
            there = self._matrix(other.recorded)
            if there is not None and there.shape == matrix.shape:
                found[kind] = there
                self.beside.append(other.name.partition("/")[0])
        return against_references(matrix, found)

    def _matrix(self, trial: RecordedRun, *, needed: bool = True) -> np.ndarray | None:
        try:
            return recorded_matrix(self._reader, trial)
        except LookupError as error:
            (self.unread if needed else self.unread_for_page).append(str(error))
            return None

    def _predictions(self, trial: RecordedRun) -> dict[str, np.ndarray] | None:
        try:
            return recorded_predictions(self._reader, trial)
        except LookupError as error:
            self.unread.append(str(error))
            return None

    def _stream(self, run: TestedTrial) -> int:
        return self._streams[tuple(stream_of(run).items())]

    def _pair(self, run: TestedTrial) -> tuple[int, str]:
        return int(run.seed), self._orders[order_of(run)]


def _has(found: Mapping[str, Any], metric: AddedMetric) -> bool:
    """Whether a run has what a metric is computed from."""
    there = all(found[file] is not None for file in metric.takes)
    return there and all(column in found["predictions"] for column in metric.needs)


def _key(value: int | str) -> tuple[int, int | str]:
    """Numbers in their order, before words."""
    text = str(value)
    return (0, int(text)) if text.isdigit() else (1, text)
