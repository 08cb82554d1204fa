"""Shows the record in a browser."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import sys
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from ..storage.run_files import JOURNAL_FILE
from .comparison import comparison_page
from .gate import LOGIN, USER
from .listener import loopback_listener
from .moved_record import record_where_it_lies
from .store import (
    artifact_location,
    check_own_database,
    making_tables,
    own_database,
    tracking_uri,
    without_password,
)


def ui(folder: Path, port: int) -> int:
    """Serves a record on this machine's loopback until a signal ends it, and prints the one link that opens
    it.

    Ctrl-C ends it by a KeyboardInterrupt. The link leads to a run's comparison page, or to the first page,
    and has a password that was made for this server. Where ``MLFLOW_TRACKING_URI`` is a server's address,
    that address is printed and nothing is served.

    Args:
        folder: The runs folder, or a run's folder.
        port: The port; 0: any free one.

    Returns:
        The exit status.

    Raises:
        UserError: There is no record, it cannot be opened, the port is taken, or the link would be written to
            a file that others may read.
    """
    journal = folder / JOURNAL_FILE
    runs = folder.absolute().parent if journal.exists() else folder
    uri = tracking_uri(runs)
    if uri.startswith("http"):
        print(f"the record is at {without_password(uri)} (MLFLOW_TRACKING_URI)")
        return 0
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise UserError(f"{uri.removeprefix('sqlite:///')}: there is no record; a sweep or train makes it")
    if uri == own_database(runs):
        check_own_database(runs)
    if uri.startswith("sqlite:///"):
        # a database that cannot be written is shown as it is
        with suppress(sqlite3.Error), making_tables(uri):
            record_where_it_lies(Path(uri.removeprefix("sqlite:///")))
    _check_output()
    listener = loopback_listener(port)
    password = secrets.token_urlsafe(24)
    from .server import Server

    server = Server(uri, artifact_location(runs, uri) or "")
    page = comparison_page(folder, uri) if journal.exists() else "/"
    address = f"http://{USER}:{password}@127.0.0.1:{listener.getsockname()[1]}{LOGIN}"
    server.run(listener, password, page, lambda: print(f"{address}\nCtrl-C ends it\n", end="", flush=True))
    return 0


def _check_output() -> None:
    status = os.fstat(sys.stdout.fileno())
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        raise UserError(
            f"the link has a password, and others may read the file that it goes to (mode "
            f"{stat.S_IMODE(status.st_mode):o}); allowed: a terminal, a pipe, a file made with umask 077"
        )
