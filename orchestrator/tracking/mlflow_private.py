"""The parts of MLflow that the project uses and MLflow does not promise to keep: its server's inner parts,
and names that begin with ``_``.

Nothing else of the project touches them (``tests/test_private_parts.py``). MLflow is imported inside the
functions: it takes seconds.
"""

from __future__ import annotations

from typing import Any


def keep_local_artifacts_by(repository: type) -> None:
    """Makes MLflow keep and read artifacts on this machine's disk by ``repository``, in the whole process."""
    from mlflow.store.artifact.artifact_repository_registry import _artifact_repository_registry

    for scheme in ("", "file"):
        _artifact_repository_registry.register(scheme, repository)


def server_variables(uri: str, root: str, destination: str | None) -> dict[str, str]:
    """The environment from which MLflow's server takes its store and its artifacts.

    Args:
        uri: The store's address.
        root: The URI below which new experiments keep their artifacts.
        destination: The URI for artifacts that clients send through the server; None: they send none.
    """
    from mlflow.server import constants

    variables = {constants.BACKEND_STORE_URI_ENV_VAR: uri, constants.ARTIFACT_ROOT_ENV_VAR: root}
    if destination is not None:
        variables[constants.SERVE_ARTIFACTS_ENV_VAR] = "true"
        variables[constants.ARTIFACTS_DESTINATION_ENV_VAR] = destination
    return variables


def server_application() -> Any:
    """MLflow's own application (ASGI) on the store that the environment names."""
    from mlflow.server.fastapi_app import app

    return app


def open_stores(uri: str, root: str) -> None:
    """Opens the store at ``uri`` for the server of this process. It raises what MLflow raises."""
    from mlflow.server import handlers

    handlers.initialize_backend_stores(uri, uri, root)
