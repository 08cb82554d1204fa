"""Cleans up after a command that was refused, or interrupted before it began."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from .run_files import trials_of
from .trial_files import TRIAL_FILE

if TYPE_CHECKING:
    from .run_storage import RunStorage


@contextmanager
def nothing_if_refused(folder: Path, kept: RunStorage | None) -> Iterator[None]:
    """Removes a new run where the block fails before any trial was proposed.

    A failure is a :class:`~orchestrator.errors.UserError` or a KeyboardInterrupt. A search that is
    interrupted while Ray starts ends by itself and can be resumed. Where the run's copy at a storage cannot
    be removed, the folder stays too, and the run can be resumed.

    Args:
        folder: The new run's folder.
        kept: The run's copy at a storage; None: it has none.
    """
    try:
        yield
    except (UserError, KeyboardInterrupt):
        if not any(trials_of(folder).glob(f"*/{TRIAL_FILE}")) and _removed(kept):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _removed(kept: RunStorage | None) -> bool:
    try:
        if kept is not None:
            kept.storage.delete("")
    except Exception:  # noqa: BLE001 - every file system has errors of its own
        return False
    return True
