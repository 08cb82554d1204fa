"""Reads a study's result from its book and from its runs' folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..record.recorded_importance import recorded_importance
from ..report.method_result import MethodResult
from ..report.pair_result import PairResult
from ..report.run_cost import search_cost
from ..report.stream_result import StreamResult
from ..report.study_result import StudyResult
from ..storage.run_files import trials_of
from ..storage.run_folder import RUNS
from .again import commands_of
from .candidate_results import candidate_results
from .chosen_part import chosen_part
from .extreme_results import extreme_figures, extreme_orders_of
from .pair import Pair
from .recorded_drift import recorded_drift
from .recorded_pair import recorded_pair
from .recorded_search import recorded_search
from .reference_results import ReferenceResults
from .stream_figures import StreamFigures
from .study import Study
from .study_arm import StudyArm
from .study_book import Part, StudyBook


def study_result(study: Study, book: StudyBook) -> StudyResult:
    """Reads what a study found.

    Figures on test data come from the book. Matrices, seconds and the trials of searches come from the runs'
    folders. Where a run's folder is gone or cannot be read they are missing, and the result says so.

    Args:
        study: The study.
        book: Its runs that have ended.
    """
    found = [_on_stream(study, book, StreamFigures(study, book, arms)) for arms in study.on_streams()]
    request = study.request
    return StudyResult(study.name, request.question, request.pairs, request.text(), tuple(found))


def _on_stream(study: Study, book: StudyBook, there: StreamFigures) -> StreamResult:
    unread: list[str] = []
    beside = ReferenceResults(study, book, there)
    methods = [beside.beside(_method(study, book, there, arm, unread)) for arm in there.arms]
    return StreamResult(
        there.title,
        there.measure,
        there.arms[0].space.objective.metric,
        there.about(),
        tuple(methods),
        tuple(there.comparisons()),
        tuple(there.failed()),
        tuple(unread),
        references=beside.references,
        about_references=beside.about,
        failed_references=tuple(beside.failed),
        unread_references=tuple(beside.unread),
        orders=extreme_orders_of(study, there.title),
    )


def _method(
    study: Study, book: StudyBook, there: StreamFigures, arm: StudyArm, unread: list[str]
) -> MethodResult:
    name = study.name_of(arm)
    search, found = book.parts.get(name), chosen_part(study, book, arm)
    if study.request.best > 1:
        search = search and (found or replace(search, trial="", score=None))
    chosen = search.trial if search else ""
    curves, values, missing = recorded_search(RUNS / name, arm.space.objective.metric, chosen)
    unread += [missing] if missing else []
    pairs = _pairs(study, book, there, arm, unread)
    return MethodResult(
        arm.method.label,
        search.trials if search else 0,
        search.failed_trials if search else 0,
        arm.memory,
        tuple(pairs),
        search.score if search else None,
        curves,
        values,
        commands_of(arm, search, next(_parts(study, book, arm), None)),
        # Of a search of which a part is missing it is not known.
        {} if missing else search_cost([trial.cost for trial in curves if trial.curve]),
        mattered=recorded_importance(RUNS / name),
        candidates=candidate_results(study, book, arm),
        extremes=extreme_figures(study, book, arm),
    )


def _parts(study: Study, book: StudyBook, arm: StudyArm) -> Iterator[tuple[int, Part]]:
    """The pairs' numbers, and the runs with them that have ended and have the search's choice."""
    if (chosen := chosen_part(study, book, arm)) is not None:
        for number in study.numbers:
            if (part := book.done(study.pair_name(arm, number, chosen))) is not None:
                yield number, part


def _pairs(
    study: Study, book: StudyBook, there: StreamFigures, arm: StudyArm, unread: list[str]
) -> list[PairResult]:
    found = []
    for number, part in _parts(study, book, arm):
        folder = trials_of(RUNS / part.name) / part.trial
        matrix, cost, missing = recorded_pair(folder)
        unread += [missing] if missing else []
        of = Pair(number).values["run.seed"], there.order_of(number)
        more: dict[str, Any] = {"stream": there.stream_of(number), "drift": recorded_drift(folder)}
        found.append(PairResult(number, *of, part.test, cost, matrix, **more))
    return found
