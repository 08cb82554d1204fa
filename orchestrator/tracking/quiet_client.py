"""Makes an MLflow client that prints nothing."""

from __future__ import annotations

import logging
import os
from typing import Any


def quiet_client(uri: str) -> Any:
    """An ``MlflowClient`` that gives up soon and prints nothing of its own. It opens nothing yet.

    Args:
        uri: The store's address.
    """
    # A dead server must cost seconds, while MLflow's defaults cost minutes. A sweep sends no usage reports.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    # This logger prints the stack of an error that it raises. The sender says in one line what did not
    # arrive, and why.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    return MlflowClient(uri)
