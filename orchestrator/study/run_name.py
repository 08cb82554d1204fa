"""Names a study's runs."""

from __future__ import annotations

from ..storage.extreme_name import extreme_name
from .arm import Arm
from .study_request import StudyRequest


def run_name(
    study: str,
    request: StudyRequest,
    method: Arm,
    stream: Arm | None,
    pair: int | str | None,
    later: str = "",
) -> str:
    """The name of the run of a method's search, or of its run with a pair.

    Args:
        study: The study's name.
        request: The study's request.
        method: The method.
        stream: The stream; None: the search spaces' own.
        pair: The pair's number, or the name of an extreme order; None: the search.
        later: The id of the trial whose values the run has, where the search chose another one at first.
    """
    where = [stream.file_label] if stream is not None and len(request.streams) > 1 else []
    last = [] if pair is None else [f"pair{pair}" if isinstance(pair, int) else extreme_name(pair)]
    return "-".join([study, method.file_label, *where, *([later] if later else []), *last])
