"""Opens the client of an MLflow store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .moved_record import record_where_it_lies
from .quiet_client import quiet_client
from .store import check_own_database, making_tables, own_database


@contextmanager
def opened_client(uri: str, runs: Path, experiment: str) -> Iterator[Any]:
    """An ``MlflowClient`` of a store that has its tables. Within the block no other process makes them.

    Args:
        uri: The store's address.
        runs: The runs folder.
        experiment: The name of MLflow's experiment.

    Raises:
        UserError: The database beside the runs is not the user's own.
        Exception: Whatever MLflow raises where the store cannot be reached.
    """
    if uri == own_database(runs):
        check_own_database(runs)
    with making_tables(uri):
        client = quiet_client(uri)
        client.get_experiment_by_name(experiment)  # which makes the tables
        if uri.startswith("sqlite:///"):
            record_where_it_lies(Path(uri.removeprefix("sqlite:///")))
        yield client
