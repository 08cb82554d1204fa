"""Tries a storage again that fails for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import UserError
from .full_disk import is_full
from .url_folder import Storage

_PAUSES = (0.5, 2.0, 8.0)  # seconds before each new attempt

_T = TypeVar("_T")


class StorageDown(UserError):
    """A storage did not take, or did not give, what a run needs. Every other trial would fail as well."""


def patiently(ask: Callable[[], _T], storage: Storage) -> _T:
    """Calls ``ask``, again where it fails, and returns its answer.

    Args:
        ask: Asks ``storage`` for something. It may be called several times.
        storage: The storage, for the error.

    Raises:
        StorageDown: ``ask`` still fails after some ten seconds.
        UserError: As ``ask`` raised it, at once.
        OSError: The disk is full, at once.
    """
    pauses = iter(_PAUSES)
    while True:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - every file system has errors of its own
            if isinstance(error, UserError) or is_full(error):
                raise
            if (pause := next(pauses, None)) is None:
                line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise StorageDown(f"{storage.url} cannot be reached: {line}") from error
            time.sleep(pause)
