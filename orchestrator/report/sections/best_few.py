"""The best trials of each search, among which runs with every pair chose."""

from __future__ import annotations

from ..candidate_result import CandidateResult
from ..html import join, tag
from ..shown_number import shown_number
from ..stream_result import StreamResult
from ..table import table
from .section import Section


def best_few(stream: StreamResult) -> Section | None:
    """The best trials of each search with their means on validation data; None where a study runs each
    search's choice alone.

    Args:
        stream: The stream.
    """
    rows = [[method.label, *_cells(one)] for method in stream.methods for one in method.candidates]
    if not rows:
        return None
    about = (
        f"The best trials of each search were run with every pair. The one whose mean {stream.objective} "
        "over the pairs is best was chosen, and of its runs alone test data was looked at. A trial of which "
        "a run failed cannot be chosen. result.json has each pair's value."
    )
    columns = ("method", "trial", "in the search", "mean over pairs", "pairs", "")
    return Section("The best few", join(tag("p", about, kind="soft"), table(columns, rows, "candidates")))


def _cells(one: CandidateResult) -> list[str]:
    figures = [shown_number(one.score, 2), shown_number(one.mean, 2), str(len(one.validation))]
    return [one.trial, *figures, "chosen" if one.chosen else ""]
