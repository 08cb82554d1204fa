"""Does work on which a run's outcome does not depend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..storage.journal_parts import StorageTaken


class BestEffort:
    """Calls functions that may fail without harm to any trial. The user is told once of a failure, which is
    made good when the run is opened again.

    Args:
        say: Prints a line.
        taken: Takes a line where another process works on the run as well.
    """

    def __init__(self, say: Callable[[str], None], taken: Callable[[str], None]) -> None:
        self._say = say
        self._taken = taken
        self._said: set[str] = set()

    def __call__(self, what: str, call: Callable[..., Any], *args: Any) -> None:
        """Calls ``call(*args)``. The user is told of an error once for each ``what``."""
        try:
            call(*args)
        except StorageTaken as error:
            self._taken(str(error))
        except Exception as error:  # noqa: BLE001 - file systems, stores and pools have errors of their own
            if what not in self._said:
                self._said.add(what)
                line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                self._say(f"{what} lacks something ({line}); it is made good when the run is resumed")
