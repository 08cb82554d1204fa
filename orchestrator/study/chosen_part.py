"""Finds what a study runs and reports of a method: the choice of its search, or of its confirmation."""

from __future__ import annotations

from .choose import choose
from .study import Study
from .study_arm import StudyArm
from .study_book import Part, StudyBook


def chosen_part(study: Study, book: StudyBook, arm: StudyArm) -> Part | None:
    """The search of a method with the trial whose runs are tested and reported.

    Args:
        study: The study.
        book: Its runs that have ended.
        arm: The method on its stream.

    Returns:
        The search, where it has ended; if several of its trials are run with every pair, as if it had chosen
        the one that these runs chose. None as long as nothing has been chosen.
    """

    def runs(one: Part) -> list[Part | None]:
        return [book.parts.get(study.pair_name(arm, number, one)) for number in study.numbers]

    return choose(book.done(study.name_of(arm)), study.request.best, runs)
