"""Calls made by ordinary users of this machine, where the tests are run by root."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

VICTIM, ATTACKER = 65001, 65002
"""Numbers of two users that no system gives out."""

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two other users")
_INSTALLED = Path(pytest.__file__).resolve()
needs_open_packages = pytest.mark.skipif(
    any(not folder.stat().st_mode & stat.S_IXOTH for folder in _INSTALLED.parents),
    reason="other users cannot read the environment's packages",
)


def as_user(uid, call):
    """What ``call()`` answers a process of its own, whose user and only group is ``uid``, as text; of what it
    raises ``KIND: MESSAGE``.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            try:
                said = str(call())
            except BaseException as error:  # noqa: BLE001 - the caller looks at it
                said = f"{type(error).__name__}: {error}"
            os.write(writer, said.encode()[:60_000])
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said


def give(path, uid, mode=None):
    """Makes ``path`` and all that is in it the user's."""
    for place in (path, *path.rglob("*")):
        os.chown(place, uid, uid, follow_symlinks=False)
    if mode is not None:
        path.chmod(mode)
    return path
