"""Mends the database of a record whose folder was moved, copied or mounted elsewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..storage.run_files import ARTIFACTS_FOLDER

_FILES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def record_where_it_lies(database: Path) -> None:
    """Makes MLflow's SQLite file ``database`` look for artifacts beside itself.

    MLflow writes the whole address down with each experiment, run and model. Addresses beside the database at
    its former path, or beside the database that it is a copy of, are changed. Artifacts in a folder that a
    user chose stay where they are.

    Raises:
        sqlite3.Error: The database cannot be read or written.
    """
    if not database.is_file():
        return
    here = (database.parent / ARTIFACTS_FOLDER).as_uri()
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        if not _has_tables(connection):
            return
        known = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (there,) in known:
            if there != here and _was_beside(there, database):
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE artifact_location = ?", (here, there)
                )
                for table, column in _FILES:
                    if not _has_tables(connection, table):  # a table of an earlier MLflow
                        continue
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE substr({column}, 1, ?) = ?",
                        (here, len(there) + 1, len(there) + 1, f"{there}/"),
                    )


def has_tables(database: Path) -> bool:
    """Whether MLflow made its tables in a SQLite file. The file is left as it is.

    Raises:
        sqlite3.Error: The file cannot be read, or is no database.
    """
    with closing(sqlite3.connect(database, timeout=30)) as connection:
        return _has_tables(connection)


def local_path(uri: str | None) -> Path | None:
    """The folder of this machine that an artifacts' address names; None where it names none."""
    parts = urlsplit(uri or "")
    if parts.scheme not in ("", "file") or not parts.path:
        return None
    return Path(unquote(parts.path))


def _has_tables(connection: sqlite3.Connection, table: str = "experiments") -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _was_beside(address: str | None, database: Path) -> bool:
    folder = local_path(address)
    if folder is None or folder.name != ARTIFACTS_FOLDER:
        return False
    old = folder.parent / database.name
    try:
        return not old.samefile(database)  # it is a copy; the same file by another path has not moved
    except FileNotFoundError:
        return not folder.parent.exists()
    except OSError:  # it may not be read, so that it belongs to another user
        return True
