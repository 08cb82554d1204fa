"""A limit on how often something is done."""

from __future__ import annotations

import time


class Throttle:
    """Calling it returns True at most once in ``seconds``, and False in between.

    The first call returns True at once. With ``later`` it does so only after ``seconds`` have passed.
    """

    def __init__(self, seconds: float, *, later: bool = False) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + (seconds if later else 0.0)

    def __call__(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._seconds
        return True
