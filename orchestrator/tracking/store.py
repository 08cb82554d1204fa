"""Finds the MLflow store in which a sweep is recorded."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ..errors import UserError
from ..storage.lock_file import lock_file
from ..storage.run_files import ARTIFACTS_FOLDER, DATABASE_FILE

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def own_database(runs: Path) -> str:
    """The address of the database in a runs folder."""
    return f"sqlite:///{runs.resolve() / DATABASE_FILE}"


def tracking_uri(runs: Path, uri: str | None = None) -> str:
    """The address of the store: ``uri``, else ``MLFLOW_TRACKING_URI``, else the SQLite file ``mlflow.db`` in
    the runs folder.

    A relative SQLite path is made absolute, so that the same store is found from any folder.

    Args:
        runs: The runs folder.
        uri: The given address; None: no address is given.

    Raises:
        UserError: The address is neither http(s) nor a database.
    """
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or own_database(runs)
    scheme = chosen.split(":", 1)[0].split("+", 1)[0]
    if scheme != "sqlite" and not _has_plain_host(chosen):
        # The end of the password is not known, so that no part of the address is repeated.
        raise UserError(
            "MLFLOW_TRACKING_URI: where its host ends cannot be told; allowed are %2F for /, %3F for ?, "
            "%23 for # in user and password, and %40 for @ behind the host"
        )
    if "://" not in chosen or scheme not in ("http", "https", *_DATABASES):
        raise UserError(
            f"MLFLOW_TRACKING_URI is {without_password(chosen)!r}: "
            "give http://HOST:PORT, https://HOST or sqlite:///FILE.db"
        )
    # by its name, even where it is a link, whose owner is checked later
    if chosen == own_database(runs):
        return chosen
    if scheme == "sqlite":
        return f"sqlite:///{Path(chosen.split(':///', 1)[-1]).resolve()}"
    return chosen


def artifact_location(runs: Path, uri: str) -> str | None:
    """Where a new experiment keeps its files: beside the SQLite file, or in the runs folder. None: a server
    decides for itself.
    """
    if uri.startswith("http"):
        return None
    folder = Path(uri.removeprefix("sqlite:///")).parent if uri.startswith("sqlite:///") else runs.resolve()
    return (folder / ARTIFACTS_FOLDER).as_uri()


def database_of(uri: str) -> tuple[int, int] | None:
    """The file of a SQLite address (device and number); None where there is none, and for a server."""
    try:
        status = os.stat(uri.removeprefix("sqlite:///"))
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def making_tables(uri: str) -> Iterator[None]:
    """A lock that is held while a store is opened for the first time.

    Two sweeps that make the tables of one SQLite file at the same time would fail in each other's migrations.
    """
    if not uri.startswith("sqlite:///"):
        yield
        return
    file = Path(uri.removeprefix("sqlite:///"))
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(file.with_name(f"{file.name}.lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def check_own_database(runs: Path) -> None:
    """Checks that only this user can have written the database of a runs folder.

    The content of a database decides where files are sent, and the sender's token with them. SQLite takes a
    journal that appears beside an idle database for its own, even where the folder has the sticky bit.

    Raises:
        UserError: The database, or a file from which SQLite would repair it, is another user's, or everyone
            may make such a file.
    """
    status = runs.stat()
    if status.st_mode & stat.S_IWOTH:
        raise UserError(
            f"{runs}: everyone may write to it (mode {stat.S_IMODE(status.st_mode):o}), and so to its "
            "record; allowed: a folder that only you and those you trust may change, or an address in "
            "MLFLOW_TRACKING_URI"
        )
    for ending in ("", "-journal", "-wal", "-shm"):
        path = runs / f"{DATABASE_FILE}{ending}"
        try:
            link, status = path.lstat(), path.stat()
        except FileNotFoundError:
            continue
        if {link.st_uid, status.st_uid} != {os.getuid()} or status.st_mode & stat.S_IWOTH:
            raise UserError(
                f"{path}: belongs to user {link.st_uid if link.st_uid != os.getuid() else status.st_uid}, "
                f"mode {stat.S_IMODE(status.st_mode):o}; allowed: a file of yours ({os.getuid()}) that not "
                "everyone may change, or an address in MLFLOW_TRACKING_URI"
            )


def _has_plain_host(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return not parts.netloc or "@" not in parts.path + parts.query + parts.fragment


def without_password(uri: str) -> str:
    """``uri`` in a form that may be written down.

    It has no user, no password, and no options of a database, one of which may be a password.
    """
    parts = urlsplit(uri)
    if uri.startswith("sqlite:") or not ("@" in parts.netloc or parts.query or parts.fragment):
        return uri  # as the user typed it
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
