"""The names of a study's runs."""

from __future__ import annotations

from .arm import Arm
from .study_request import StudyRequest


def run_name(study: str, request: StudyRequest, method: Arm, stream: Arm | None, pair: int | None) -> str:
    """The name of the run of a method's search, or of its run with a pair.

    Args:
        study: The study's name.
        request: What the study asks.
        method: The method.
        stream: The stream; None: the search spaces' own.
        pair: The pair's number; None: the search.
    """
    where = [stream.file_label] if stream is not None and len(request.streams) > 1 else []
    return "-".join([study, method.file_label, *where, *([] if pair is None else [f"pair{pair}"])])
