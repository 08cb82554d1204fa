"""The place for runs that are about to be deleted."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..errors import UserError
from ..storage.run_lock import lock_holder

_ASIDE = re.compile(r"\.removing-[0-9a-f]{32}")


def new_aside(runs: Path) -> Path:
    """A place in ``runs`` for runs that are to be deleted. It exists once the first run is put there.

    A run lies deeper in it than runs do in the runs folder, and no command takes a name that begins with a
    dot. Therefore a run that was put there does not count as a run, however much of it has been deleted.
    """
    return runs / f".removing-{uuid.uuid4().hex}"


def put_aside(folder: Path, aside: Path) -> None:
    """Puts the run in ``folder`` into ``aside``, whole or not at all.

    Raises:
        UserError: The folder cannot be moved. The message is one line.
    """
    try:
        aside.mkdir(mode=0o700, exist_ok=True)
        os.rename(folder, aside / folder.name)
    except OSError as error:
        with suppress(OSError):
            aside.rmdir()  # where nothing lies in it
        raise UserError(
            f"{folder}: cannot be removed ({error.strerror}); allowed: a run of yours in a runs folder that "
            "you may write to"
        ) from None


def left_asides(runs: Path) -> Iterator[Path]:
    """The places of commands that were killed while they deleted runs. Those at work are left out, and so are
    those of other users.
    """
    for folder in sorted(runs.glob(".removing-*")):
        own = not folder.is_symlink() and folder.lstat().st_uid == os.getuid()
        if own and _ASIDE.fullmatch(folder.name) and not any(map(lock_holder, folder.glob("*"))):
            yield folder


def delete_aside(aside: Path) -> None:
    """Deletes ``aside`` and all that lies in it. No link is followed.

    Raises:
        UserError: Something in it cannot be deleted.
    """

    def failed(_: object, path: str, found: tuple[type[BaseException], BaseException, TracebackType]) -> None:
        if not isinstance(found[1], FileNotFoundError):  # another command may be deleting it as well
            why = getattr(found[1], "strerror", None) or found[1]
            raise UserError(
                f"{path}: cannot be deleted ({why}); what is left there is no run any more; allowed: list or "
                "rm, which go on, once it can be"
            ) from None

    shutil.rmtree(aside, onerror=failed)
