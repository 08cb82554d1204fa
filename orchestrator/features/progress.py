"""Shows how far encoding has come."""

from __future__ import annotations

import time
from collections.abc import Callable

from tqdm import tqdm


class Progress:
    """Shows a bar on a terminal. Elsewhere it says how many pictures are encoded, at most every ``every``
    seconds and at the end.

    The rate is computed from the first pictures on, since processes take a while to come up.

    Args:
        say: Takes each line.
        total: The number of pictures.
        done: The pictures that an earlier run had encoded.
        every: Seconds between two lines, at least.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        total: int,
        done: int,
        every: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._total = total
        self._done = done
        self._every = every
        self._clock = clock
        self._last = clock()
        self._first: tuple[float, int] | None = None
        # disable=None: no bar where the output is no terminal.
        self._bar = tqdm(
            desc="encoding", total=total, initial=done, unit=" pictures", disable=None, leave=False
        )

    def add(self, pictures: int) -> None:
        """Counts ``pictures`` more as encoded."""
        if not pictures:
            return
        self._done += pictures
        self._bar.update(pictures)
        now = self._clock()
        self._first = self._first or (now, self._done)
        if self._done == self._total:
            self._bar.close()
        elif not self._bar.disable or now - self._last < self._every:
            return
        self._last = now
        self._say(
            f"encoding: {self._done} of {self._total} pictures ({100 * self._done // self._total} %)"
            + self._rate(now)
        )

    def _rate(self, now: float) -> str:
        began, before = self._first
        if now <= began or self._done == before:
            return ""
        rate = (self._done - before) / (now - began)
        return f", {rate:.{0 if rate >= 10 else 1}f} a second, {(self._total - self._done) / rate:.0f} s left"
