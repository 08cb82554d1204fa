"""The address of a run's comparison page."""

from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..storage.run_files import DATABASE_FILE
from .journal import Journal
from .store import own_database, without_password
from .view import page_path


def comparison_page(folder: Path, uri: str) -> str:
    """The path of a run's comparison page on a server.

    Args:
        folder: The run's folder.
        uri: The address of the store that the server shows.

    Raises:
        UserError: The store has no record of the run.
    """
    from mlflow import MlflowClient

    journal = Journal(folder)
    opened = [record for record, _ in journal.read() if record["op"] == "open"]
    experiment = MlflowClient(uri).get_experiment_by_name(opened[0]["experiment"]) if opened else None
    if experiment is None:
        # The other store is only named, since anyone may have written the journal.
        last = opened[-1]["store"] if opened else None
        last = own_database(folder.absolute().parent) if last == DATABASE_FILE else last
        where = f", but perhaps in {last}: give MLFLOW_TRACKING_URI" if last else ""
        raise UserError(f"{folder}: its record is not in {without_password(uri)}{where}")
    return page_path(experiment.experiment_id, opened[0]["key"])
