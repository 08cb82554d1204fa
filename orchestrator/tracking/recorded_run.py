"""A run in the record in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RecordedRun:
    """A run of a command, or one of its trials.

    Attributes:
        id: MLflow's id.
        run: The identity of the command's run.
        trial: The trial's id; empty for the command's run itself.
        name: The name of the command's run.
        tags: Name -> text.
        params: Dotted key -> text.
        metrics: Metric -> its value after the last task that has one. Names have their split (``test/...``).
        ended: When it ended, in seconds since 1970; 0 where it has not ended.
        artifacts: The address of its files.
    """

    id: str
    run: str
    trial: str
    name: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    ended: float
    artifacts: str
