"""Says which runs a study has beside one run of each search's choice with each pair."""

from __future__ import annotations

from .study_request import StudyRequest


def pairs_said(request: StudyRequest) -> list[str]:
    """The lines of a dry run on the best few trials and on extreme orders; none where there is neither."""
    lines = []
    if request.best > 1:
        lines.append(f"  up to {request.best} of the best trials of each search are run with each pair")
    if request.orders:
        lines.append("  what is chosen is run in the worst and the best order too")
    return lines
