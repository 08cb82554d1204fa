"""A storage that fails for a moment is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import UserError
from .full_disk import is_full
from .url_folder import Storage

_PAUSES = (0.5, 2.0, 8.0)  # seconds before it is asked again

_T = TypeVar("_T")


class StorageDown(UserError):
    """A storage did not take, or give, what a run needs: no other trial would fare better."""


def patiently(ask: Callable[[], _T], storage: Storage) -> _T:
    """What ``ask`` answers, which asks ``storage`` for something, and may be called again. Raises
    :class:`StorageDown` where it still fails after some ten seconds, and what no patience mends as it is.
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
