"""Chooses among the best trials of a search by their runs with every pair of seed and order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from .study_book import Part


def choose(search: Part | None, best: int, runs: Callable[[Part], Sequence[Part | None]]) -> Part | None:
    """Chooses the candidate whose mean objective on validation data over all pairs is the best.

    A candidate of which a run failed is not chosen, as a failed trial of a search is not. A failed look at
    test data does not count. Among equals it is the one that was better in the search.

    Args:
        search: The search, where it has ended.
        best: How many candidates the study asks for. With one, the search's own choice counts.
        runs: Gives the runs of a candidate with every pair; None for each that has not ended.

    Returns:
        The search as if it had chosen that candidate; None as long as a run is still to come, and where
        every candidate has a run that failed.
    """
    if search is None or best == 1:
        return search
    whole: list[tuple[float, Part]] = []
    for one in search.each_candidate if search.candidates else ():
        found = runs(one)
        if any(run is None or (run.validation is None and not run.reason) for run in found):
            return None
        values = [run.validation for run in found if run is not None and run.validation is not None]
        whole += [(fmean(values), one)] if len(values) == len(found) else []
    sign = -1 if search.mode == "max" else 1
    return min(whole, key=lambda told: sign * told[0], default=(0.0, None))[1]
