"""Leaderboards of methods, from the record in MLflow alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import UserError
from ..metrics.against_references import AGAINST
from ..metrics.from_matrix import FROM_MATRIX
from ..metrics.from_predictions import FROM_PREDICTIONS
from ..metrics.measures import better, in_unit
from ..record.comparison.groups import Group
from ..report.method_result import MethodResult
from ..report.metric_summary import metric_summary
from ..report.stream_result import StreamResult
from ..report.study_result import StudyResult
from ..report.told_metrics import every_metric
from ..tracking.long_tag import whole_tag
from ..tracking.names import QUESTION, STUDY
from ..tracking.record_reader import RecordReader
from .added_metric import added_metric
from .alike import check_alike, shared
from .compared import compared
from .row import UNKNOWN, Row
from .row_results import RowResults
from .rows import rows_by_stream
from .search_results import objective_of
from .tested_trial import TestedTrial
from .tested_trials import tested_trials
from .wanted import Wanted


def leaderboard(
    runs: Path,
    wanted: Wanted,
    *,
    metrics: Sequence[str] = (),
    allowed: Collection[str] = (),
    page: bool = False,
    command: str = "",
) -> StudyResult:
    """Reads the leaderboard of each stream. No folder of a run is needed.

    Args:
        runs: The folder that has the record's database, where ``MLFLOW_TRACKING_URI`` names no store.
        wanted: Which runs are compared.
        metrics: Metrics on test data, without ``test/``, that are shown in any case. Rows are ranked by the
            first. A metric that a run did not log is computed from its matrix or its predictions
            (:func:`~orchestrator.leaderboard.added_metric.added_metric`), or beside the record's reference
            runs (:data:`~orchestrator.metrics.against_references.AGAINST`).
        allowed: Those of :data:`~orchestrator.leaderboard.alike.CONDITIONS` in which rows may differ.
        page: Whether a page is made of it: with matrices, the trials of searches, and comparisons of one row
            with each other one (:func:`~orchestrator.leaderboard.compared.compared`).
        command: The command that makes the leaderboard, for its files.

    Returns:
        The leaderboards, in the form of a study's results, with a method in each row.

    Raises:
        UserError: The record cannot be read or has no such run, or rows were not run alike. The message is
            one line.
    """
    added = {name: compute for name in metrics if (compute := added_metric(name)) is not None}
    reader = RecordReader(runs)
    found = tested_trials(reader, wanted)
    streams, left_out = [], list(found.left_out)
    shown: list[TestedTrial] = []
    for stream, rows in rows_by_stream(reader, found.trials).items():
        differing = check_alike(stream, rows, allowed)
        asked = found.references if set(metrics) & AGAINST.keys() else ()
        results = RowResults(reader, rows, added, page=page, references=asked)
        told = _stream(stream, rows, results, differing, metrics)
        if page:
            told = compared(told, rows, wanted.methods, differing)
        streams.append(told)
        shown += [run for row in rows for run in row.trials]
        left_out += _replaced([row.group for row in rows])
        left_out += [
            f"left out: {run.name}: its seed and order chose the values; runs with others count"
            for row in rows
            for run in row.tuned
        ]
        if results.beside:
            left_out.append(f"beside the references {', '.join(sorted(set(results.beside)))}")
    result = StudyResult("", "", 0, "", tuple(streams), tuple(left_out), command)
    return _of_study(reader, result, shown) if page else result


def _of_study(reader: RecordReader, result: StudyResult, runs: Sequence[TestedTrial]) -> StudyResult:
    """The result with the number of its pairs, and, where all runs are of one study, that study's name and
    its question as it was asked last.
    """
    pairs = max(len({pair.number for one in of.methods for pair in one.pairs}) for of in result.streams)
    if len({run.own.get(STUDY, "") for run in runs}) > 1:
        return replace(result, pairs=pairs)
    last = max(runs, key=lambda run: run.ended)
    assert last.parent is not None
    try:
        question = whole_tag(reader, last.parent, QUESTION)
    except LookupError as error:
        first, *others = result.streams
        first = replace(first, unread_for_page=(*first.unread_for_page, str(error)))
        question, result = "", replace(result, streams=(first, *others))
    return replace(result, name=last.own.get(STUDY, ""), question=question, pairs=pairs)


def _stream(
    stream: str,
    rows: Sequence[Row],
    results: RowResults,
    differing: dict[str, str],
    metrics: Sequence[str],
) -> StreamResult:
    methods = [results.of(row) for row in rows]
    measure = metrics[0] if metrics else rows[0].group.headline
    found = StreamResult(
        stream,
        measure,
        objective_of(rows),
        _about(measure, rows, differing),
        tuple(sorted(methods, key=lambda method: _rank(method, measure))),
        unread=tuple(results.unread),
        unread_for_page=tuple(results.unread_for_page),
        asked=tuple(metrics),
        runs_file="leaderboard-runs.csv of --out",
    )
    _check_metrics(found, metrics)
    return found


def _rank(method: MethodResult, measure: str) -> tuple[bool, float]:
    """The best first; a method without the metric comes last."""
    if (told := metric_summary(method, measure)) is None:
        return True, 0.0
    return False, told.mean if better(measure) == "min" else -told.mean


def _check_metrics(found: StreamResult, metrics: Sequence[str]) -> None:
    for name in metrics:
        if any(metric_summary(method, name) is not None for method in found.methods):
            continue
        if not_finite := sum(name in {**pair.cost, **pair.test} for m in found.methods for pair in m.pairs):
            needs = "; it needs more tasks, or an entry that was not measured" if name in FROM_MATRIX else ""
            every = "the one run that has it" if not_finite == 1 else f"all {not_finite} runs that have it"
            raise UserError(f"--metric {name}: {found.title}: is not finite in {every}{needs}")
        why = f" ({found.unread[0]})" if found.unread else ""
        if name in AGAINST:
            raise UserError(
                f"--metric {name}: {found.title}: no run has the reference {AGAINST[name]} beside it, of its "
                f"seed, order and backbone{why}; a study with references makes one"
            )
        if name in FROM_PREDICTIONS and not found.unread:
            of = FROM_PREDICTIONS[name].scenario
            raise UserError(f"--metric {name}: {found.title}: allowed on a stream of {of}")
        if name in FROM_MATRIX or name in FROM_PREDICTIONS or ":" in name:
            files = {
                **dict.fromkeys(FROM_MATRIX, "a matrix"),
                **dict.fromkeys(FROM_PREDICTIONS, "predictions"),
            }
            what = files.get(name, "the files")
            raise UserError(f"--metric {name}: {found.title}: no run has {what} it can be had from{why}")
        logged = ", ".join(one for one in every_metric(found) if one not in metrics)
        raise UserError(
            f"--metric {name}: no run on {found.title} logged it; allowed: {logged}; from the matrix "
            f"{', '.join(FROM_MATRIX)}; from predictions {', '.join(FROM_PREDICTIONS)}; or module:function"
        )


def _about(measure: str, rows: Sequence[Row], differing: dict[str, str]) -> str:
    """What the figures of a table are, which conditions its rows share, and in which they differ."""
    told = shared(rows)
    alike = ", ".join(f"{name} {value}" for name, value in told.items() if value != UNKNOWN)
    unknown = [name for name, value in told.items() if value == UNKNOWN]
    said = [
        f"`{measure}` on test data, {in_unit(measure)}: mean ± sample standard deviation over runs with "
        "seeds and orders of their own, and the mean's 95 % interval. Where there are several orders, the "
        "mean over the runs of one order is one figure.",
        f"In all rows: {alike}." if alike else "",
        f"Not recorded: {', '.join(unknown)}." if unknown else "",
        f"Not run alike, as was allowed: {'; '.join(f'{k} is {v}' for k, v in differing.items())}."
        if differing
        else "",
        "An order of one stream is none of another: runs on unlike streams are no pairs."
        if any(name.startswith("stream.") for name in differing)
        else "",
    ]
    return " ".join(filter(None, said))


def _replaced(groups: Sequence[Group]) -> list[str]:
    return [
        f"left out: {run.name}, in whose place {counts.name} counts: all is equal, seed and order too, and "
        "it ended later"
        for group in groups
        for run, counts in group.replaced
    ]
