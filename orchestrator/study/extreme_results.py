"""Reads what a study found in the extreme orders of a stream."""

from __future__ import annotations

from collections.abc import Mapping

from ..report.orders_result import OrdersResult
from .chosen_part import chosen_part
from .found_orders import OrderStore
from .study import Study
from .study_arm import StudyArm
from .study_book import StudyBook


def extreme_figures(study: Study, book: StudyBook, arm: StudyArm) -> dict[str, Mapping[str, float]]:
    """Name of an extreme order -> metric -> value on test data, of a method's runs that have ended."""
    chosen = chosen_part(study, book, arm)
    if chosen is None:
        return {}
    parts = {which: book.done(study.pair_name(arm, which, chosen)) for which in study.beyond}
    return {which: part.test for which, part in parts.items() if part is not None}


def extreme_orders_of(study: Study, title: str) -> OrdersResult | None:
    """What is known of the extreme orders of a stream; None where the study asks for none.

    Args:
        study: The study.
        title: What tables call the stream.

    Raises:
        UserError: The file that has them has another content.
    """
    if not study.beyond:
        return None
    found = OrderStore(study.folder).found.get(title)
    if found is None:
        return OrdersResult(reason="they are still to be looked for")
    return OrdersResult(dict(found.orders), dict(found.similarity), found.by, found.what, found.reason)
