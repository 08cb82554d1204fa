"""Where a run's artifacts are put."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .moved_record import local_path


def artifact_place(artifacts: str, uri: str) -> Any:
    """MLflow's repository of a run's artifacts at the address ``artifacts``, of the store at ``uri``.

    :class:`LookupError`: it is a folder of a place that is not on this machine, which MLflow would make anew.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    place = local_path(artifacts)
    if place is not None and (root := _root(place)) is not None:
        raise LookupError(f"its artifacts lie in {root}, which is not on this machine")
    # By its address, not by the run: MLflow remembers where a run's artifacts lay.
    return get_artifact_repository(artifacts, tracking_uri=uri)


def _root(place: Path) -> Path | None:
    """The folder that holds all artifacts of an experiment, where what it lies in is missing.

    ``place``: EXPERIMENT/RUN/artifacts.
    """
    experiment = place.parents[min(1, len(place.parents) - 1)]
    try:
        return None if experiment.parent.is_dir() else experiment
    except OSError:
        return experiment
