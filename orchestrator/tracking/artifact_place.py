"""Opens the repository in which MLflow keeps a run's artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .moved_record import local_path


def artifact_place(artifacts: str, uri: str) -> Any:
    """Opens MLflow's repository of a run's artifacts.

    Args:
        artifacts: The artifacts' address.
        uri: The store's address.

    Raises:
        LookupError: The address is a folder in a folder that is not on this machine. MLflow would make it
            anew.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    folder = local_path(artifacts)
    if folder is not None and (root := _root(folder)) is not None:
        raise LookupError(f"its artifacts lie in {root}, which is not on this machine")
    # It is opened by its address and not by the run, since MLflow remembers where a run's artifacts once lay.
    return get_artifact_repository(artifacts, tracking_uri=uri)


def _root(folder: Path) -> Path | None:
    """The folder of an experiment's artifacts, where the folder around it is missing; else None. ``folder``
    is EXPERIMENT/RUN/artifacts.
    """
    experiment = folder.parents[min(1, len(folder.parents) - 1)]
    try:
        return None if experiment.parent.is_dir() else experiment
    except OSError:
        return experiment
