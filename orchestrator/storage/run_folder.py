"""Makes the folder of a run, finds it again, and names it to people."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..schema import strict_yaml
from .atomic_write import write_text
from .free_name import is_free, put_run
from .full_disk import is_full
from .identity import Identity
from .own_folder import check_own
from .plain_name import check_plain, file_name
from .run_files import IDENTITY_FILE
from .runs_place import check_place

if TYPE_CHECKING:
    from .run_storage import RunStorage

RUNS = Path("runs")
"""The folder in which runs are kept, relative to the working folder."""


def new_folder(
    name: str | None, method: str, stream: str, url: str | None, identity: Identity, files: Mapping[str, str]
) -> Path:
    """Makes ``runs/NAME``, whole or not at all, and claims the run's folder below ``url``.

    Args:
        name: The run's name; None: a name is made of the method, the stream and the time.
        method: The method's name.
        stream: The stream's name.
        url: The storage that keeps a copy; None: there is no copy.
        identity: The run's identity.
        files: Names and texts of the files that the folder begins with.

    Returns:
        The folder's resolved path.

    Raises:
        UserError: The name is no plain file name, or is taken here or at the storage; or nothing can be kept
            at ``url``.
    """
    chosen = name or _free_name(_timed(f"{file_name(method)}-{file_name(stream)}"))
    check_free(chosen)
    folder = (RUNS / chosen).resolve()
    if (kept := kept_at(url, folder, check=True)) is not None:
        identity.claim(kept.storage, new=True, files=files)
    # It lies deeper than a run's folder does, so that a leftover of a killed process is not taken for a run.
    making = folder.parent / f".making-{identity.run}" / chosen
    try:
        making.mkdir(parents=True)
        for file, text in {IDENTITY_FILE: identity.text(), **files}.items():
            (making / file).write_text(text, encoding="utf-8")
        put_run(making, folder)
    except BaseException as error:
        # This run alone claimed it, a moment ago. An interruption may have come when the folder was whole.
        if kept is not None and not _is_made(folder, identity):
            with suppress(Exception):
                kept.storage.delete("")
        if isinstance(error, OSError) and folder.exists():
            raise _taken(chosen) from None
        if isinstance(error, OSError) and not is_full(error):
            raise UserError(
                f"{folder}: cannot be made ({error.strerror}); allowed: a working folder, or {RUNS} in it, "
                "that you may write to"
            ) from None
        raise
    finally:
        shutil.rmtree(making.parent, ignore_errors=True)
    return folder


def check_free(name: str) -> None:
    """Checks that a new run may be called ``name``.

    Raises:
        UserError: ``name`` is no plain file name, or a run or a file in ``runs`` has it, or everyone may
            write to ``runs``.
    """
    check_plain(name, "--name")
    check_place((RUNS / name).resolve().parent)
    if (RUNS / name).is_symlink() or not is_free((RUNS / name).resolve()):
        raise _taken(name)


def _is_made(folder: Path, identity: Identity) -> bool:
    with suppress(OSError):
        return (folder / IDENTITY_FILE).read_text(encoding="utf-8") == identity.text()
    return False


def _taken(name: str) -> UserError:
    folder = (RUNS / name).resolve()
    return UserError(f"--name {name}: {folder} exists; choose another name, or --resume {name}")


def _timed(name: str) -> str:
    """``name`` with the time behind it, cut where it would be longer than a plain name may be."""
    return f"{name[:80]}-{datetime.now():%Y%m%d-%H%M%S}"


def _free_name(name: str) -> str:
    """``name``, or, where another command took it in the same second, the next free one with a number behind
    it.
    """
    names = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next((candidate for candidate in names if not os.path.lexists(RUNS / candidate)), name)


def kept_folder(
    name: str, files: tuple[str, str], url: str | None, accept: Callable[[Path], Mapping[str, Any]]
) -> Path:
    """Finds ``runs/NAME`` of an earlier command.

    Where the folder is not on this machine it is made from what is kept at ``url``. From then on the
    request's storage is the ``url`` that the command line gave, whatever the request itself says.

    Args:
        name: The run's name.
        files: The files that the command left in the folder, the request first.
        url: The storage that keeps a copy; None: there is none.
        accept: Takes the restored folder while it is still being made, and returns the request. It raises
            where the user has to say more.

    Returns:
        The folder's resolved path.

    Raises:
        UserError: There is no such folder, or it is not the user's own.
    """
    check_plain(name, "--resume")
    if (RUNS / name).is_symlink() and not (RUNS / name).exists():
        raise UserError(f"{RUNS / name}: is a link that leads nowhere; allowed: a run's folder, or none")
    folder, file = (RUNS / name).resolve(), files[0]
    check_place(folder.parent)
    known = sorted(path.parent.name for path in RUNS.glob(f"*/{file}"))
    missing = UserError(f"--resume {name}: there is no {RUNS}/{name}/{file}; there are {known or 'none'}")

    def ours(restored: Path) -> None:
        if not (restored / file).exists():
            raise missing
        for other in restored.glob("*.yaml"):
            if other.name not in files:  # it has not been checked
                other.unlink()
        write_text(restored / file, strict_yaml.dump({**accept(restored), "storage": url}))

    free = is_free(folder) and not (RUNS / name).is_symlink()
    if free and (kept := kept_at(url, folder)) is not None:
        kept.restore(name, ours)
    if not (folder / file).exists():
        raise missing
    check_own(folder)
    return folder


def kept_at(url: str | None, folder: Path, *, check: bool = False) -> RunStorage | None:
    """The copy of the run in ``folder`` at a storage: below ``url``, under the run's own name.

    Args:
        url: The storage; None: there is none.
        folder: The run's folder.
        check: Whether the storage is tried out.

    Returns:
        The copy; None without a storage.

    Raises:
        UserError: Nothing can be kept there.
    """
    if not url:
        return None
    from .run_storage import RunStorage
    from .url_folder import Storage

    storage = Storage(url)
    target = Path(storage.below(folder.name).url.removeprefix("file://")).resolve()
    if url.startswith("file://") and target.is_relative_to(folder):
        raise UserError(f"--storage {url}: is the run's own folder, or in it; allowed: a place elsewhere")
    return RunStorage((storage.check() if check else storage).below(folder.name), folder)


def short_path(path: Path) -> str:
    """A path for a shell, relative to the working folder where it lies below that."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
