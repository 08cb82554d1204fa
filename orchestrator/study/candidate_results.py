"""Reads what a study found of the best trials of a search."""

from __future__ import annotations

from ..report.candidate_result import CandidateResult
from .chosen_part import chosen_part
from .study import Study
from .study_arm import StudyArm
from .study_book import StudyBook


def candidate_results(study: Study, book: StudyBook, arm: StudyArm) -> tuple[CandidateResult, ...]:
    """The best trials of a method's search with the objective on validation data of their runs with a pair,
    the best of the search first; empty where a study runs the search's choice alone.

    Args:
        study: The study.
        book: Its runs that have ended.
        arm: The method on its stream.
    """
    search = book.done(study.name_of(arm))
    if search is None or not search.candidates:
        return ()
    chosen, found = chosen_part(study, book, arm), []
    for one in search.each_candidate:
        parts = {n: book.parts.get(study.pair_name(arm, n, one)) for n in study.numbers}
        values = {n: part.validation for n, part in parts.items() if part and part.validation is not None}
        found.append(
            CandidateResult(one.trial, one.score, values, chosen is not None and chosen.trial == one.trial)
        )
    return tuple(found)
