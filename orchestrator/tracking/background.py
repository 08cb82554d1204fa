"""Starts the server of a cluster's record in the background."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from ..errors import UserError
from ..storage.own_folder import check_own
from ..storage.run_files import DATABASE_FILE
from .listener import loopback_listener


def serve(folder: Path, port: int, artifacts: str) -> int:
    """Starts a server of ``folder/mlflow.db`` on 127.0.0.1:``port``, unless the folder has one already.

    The server runs until it is killed. It already answers when this returns. Its output goes to
    ``folder/server.log``. Its password is in ``folder/password``, which only its user may read.

    Args:
        folder: The folder of the database.
        port: A port of 127.0.0.1.
        artifacts: The URL, or the folder, in which clients' artifacts are kept.

    Returns:
        The exit status.

    Raises:
        UserError: The folder or the password is not the user's own, the database cannot be opened, or the
            port is taken. The process that has the port would get the password.
    """
    check_own(folder)
    password = _password(folder / "password")
    opened = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    lock = os.open(folder / "server.lock", opened, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        print(f"{folder}: its server runs already")
        return 0
    except OSError:
        pass  # a file system without locks: another server of the folder has the port
    listener = loopback_listener(port)
    log = os.open(folder / "server.log", opened | os.O_TRUNC, 0o600)
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        if not os.read(told, 1):
            raise UserError(f"{folder}: its server did not start; {folder / 'server.log'} says why")
        return 0
    os.setsid()
    os.umask(0o077)
    for number in (0, 1, 2):
        os.dup2(log if number else os.open(os.devnull, os.O_RDONLY), number)
    from .server import Server

    where = artifacts if "://" in artifacts else Path(artifacts).resolve().as_uri()
    server = Server(f"sqlite:///{folder.resolve() / DATABASE_FILE}", where, proxied=True)
    server.run(listener, password, "/", lambda: os.write(tell, b"."))
    return 0


def _password(file: Path) -> str:
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; it holds the server's password") from None
    with open(handle) as opened:
        status, text = os.fstat(handle), opened.read().strip()
    if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise UserError(
            f"{file}: belongs to user {status.st_uid}, mode {stat.S_IMODE(status.st_mode):o}; "
            f"allowed: your own, which nobody else may read (chmod 600 {file})"
        )
    if len(text) < 16 or not (text.isascii() and text.isprintable()):
        raise UserError(f"{file}: holds {len(text)} characters; allowed: 16 or more of ASCII, in one line")
    return text
