"""Confines the local files that an MLflow server reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .mlflow_private import keep_local_artifacts_by


def confine_artifacts(root: Path | None) -> None:
    """Makes MLflow keep and read artifacts on this machine's disk in ``root`` alone, in the whole process.

    A client that makes an experiment chooses where its artifacts lie. Without this that may be any folder of
    the server's user. Another folder raises an MlflowException, which the server answers with 400. Buckets
    are not restricted.

    Args:
        root: The folder; None: no folder at all.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    inside = None if root is None else root.resolve()

    class Confined(LocalArtifactRepository):
        def __init__(self, artifact_uri: str, *arguments: Any, **options: Any) -> None:
            super().__init__(artifact_uri, *arguments, **options)
            folder = Path(self.artifact_dir).resolve()
            if inside is None or not folder.is_relative_to(inside):
                allowed = "buckets alone" if inside is None else f"folders in {inside}"
                raise MlflowException.invalid_parameter_value(
                    f"artifacts at {artifact_uri!r} are not served; allowed: {allowed}"
                )

    keep_local_artifacts_by(Confined)
