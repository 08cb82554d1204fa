"""The client of an MLflow store."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .moved_record import record_where_it_lies
from .store import check_own_database, making_tables, own_database


@contextmanager
def opened_client(uri: str, runs: Path, experiment: str) -> Iterator[Any]:
    """An ``MlflowClient`` of a store that has its tables. Within the block nobody else makes them.

    Args:
        uri: The store's address.
        runs: The runs folder.
        experiment: The name of MLflow's experiment.

    Raises:
        UserError: The database beside the runs is not the user's own.
        Exception: Whatever MLflow raises where the store cannot be reached.
    """
    # A dead server must cost seconds, where MLflow's defaults cost minutes; and a sweep reports its use to
    # nobody.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow import MlflowClient

    logging.getLogger("alembic").setLevel(logging.WARNING)
    # This logger prints the stack of what it raises. Whoever sends says in one line what did not arrive, and
    # why.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    if uri == own_database(runs):
        check_own_database(runs)
    with making_tables(uri):
        client = MlflowClient(uri)
        client.get_experiment_by_name(experiment)  # which makes the tables
        if uri.startswith("sqlite:///"):
            record_where_it_lies(Path(uri.removeprefix("sqlite:///")))
        yield client
