"""The tags by which a study is known in MLflow alone."""

from __future__ import annotations

from ..tracking.names import COMMAND, FIRST, METHOD, QUESTION, STUDY
from .again import commands_of, train_command
from .pair_job import PairJob
from .reference_job import ReferenceJob
from .search_job import SearchJob
from .study import Study


def study_tags(study: Study, job: SearchJob | PairJob | ReferenceJob) -> dict[str, str]:
    """The tags of a study's run in MLflow: the study's name, its question and its first method, and the run's
    method and command.

    Args:
        study: The study.
        job: The run. Several studies share a reference, which has none of these tags.

    Returns:
        Name -> text. What is empty is left out.
    """
    if isinstance(job, ReferenceJob):
        return {}
    if isinstance(job, SearchJob):
        command = commands_of(job.arm, None, None)["search"]
    else:
        command = train_command(job.arm, job.config)
    found = {
        STUDY: study.name,
        QUESTION: study.request.question,
        FIRST: study.request.methods[0].label,
        METHOD: job.arm.method.label,
        COMMAND: command,
    }
    return {name: text for name, text in found.items() if text}
