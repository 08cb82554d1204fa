"""How far encoding has come."""

from __future__ import annotations

import time
from collections.abc import Callable


class Progress:
    """Says how many pictures are encoded, at most every ``every`` seconds, and at the end.

    ``done``: pictures that an earlier run had encoded.
    """

    def __init__(
        self, say: Callable[[str], None], total: int, done: int, every: float = 5.0, clock=time.monotonic
    ) -> None:
        self._say = say
        self._total = total
        self._before = self._done = done
        self._every = every
        self._clock = clock
        self._began = self._last = clock()

    def add(self, pictures: int) -> None:
        """Another ``pictures`` are encoded."""
        self._done += pictures
        now = self._clock()
        if pictures and (now - self._last >= self._every or self._done == self._total):
            self._last = now
            rate = (self._done - self._before) / max(now - self._began, 1e-3)
            self._say(
                f"encoding: {self._done} of {self._total} pictures ({100 * self._done // self._total} %), "
                f"{rate:.0f} a second, {(self._total - self._done) / rate:.0f} s left"
            )
