"""Sends the journal of a run once the run is over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.own_folder import check_own
from ..storage.run_files import DATABASE_FILE
from .delivery import Delivery
from .journal import Journal
from .store import tracking_uri


def resend(folder: Path) -> Delivery:
    """Sends the records in the journal of the caller's own run that its store has not received.

    The store is ``MLFLOW_TRACKING_URI`` where it is set, else the database beside the folder. An address in
    the journal is never followed: files, and the caller's token, would go wherever the journal's author
    chose.

    Args:
        folder: The run's folder.

    Returns:
        The delivery, once it has ended.

    Raises:
        UserError: There is no journal; the folder belongs to another user; the journal was begun for another
            store than the database and no address is given; or the store cannot be reached.
    """
    folder = Path(os.path.abspath(folder))
    if folder.exists():
        check_own(folder)
    journal = Journal(folder)
    opened = [record for record, _ in journal.read() if record["op"] == "open"]
    if not opened:
        raise UserError(f"{journal.path}: no record of a sweep; give a folder such as runs/NAME")
    uri, last = tracking_uri(folder.parent), opened[-1]["store"]
    if not os.environ.get("MLFLOW_TRACKING_URI") and last not in (DATABASE_FILE, uri) and not _was_own(last):
        raise UserError(
            f"{journal.path}: was last sent to {str(last)[:200]!r}; allowed: that address, or another, in "
            "MLFLOW_TRACKING_URI"
        )
    delivery = Delivery(journal, uri, opened[0]["experiment"], opened[0]["key"])
    try:
        delivery.pump()
        delivery.retry()
    except UserError:
        raise
    except Exception as error:
        why = f"{delivery.explain(error)} ({journal.unsent(delivery.store)} records unsent)"
        raise UserError(f"MLflow at {delivery.store}: {why}") from error
    finally:
        journal.release()
    return delivery


def _was_own(store: Any) -> bool:
    """Whether ``store`` is the address of a runs folder's database, in the form that earlier versions wrote,
    and that database does not exist any more.
    """
    path = str(store).removeprefix("sqlite:///")
    return path.startswith("/") and path.endswith(f"/{DATABASE_FILE}") and not os.path.lexists(path)
