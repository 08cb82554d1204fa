"""What is done again and again, but not too often."""

from __future__ import annotations

import time


class Throttle:
    """Calling it answers whether ``seconds`` have passed since it last answered yes; at first it does so at
    once, with ``later`` only after as many.
    """

    def __init__(self, seconds: float, *, later: bool = False) -> None:
        self._seconds = seconds
        self._next = time.monotonic() + (seconds if later else 0.0)

    def __call__(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._seconds
        return True
