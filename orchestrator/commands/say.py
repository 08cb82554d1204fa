"""Timed lines of progress."""

from __future__ import annotations

import time
from typing import TextIO

from .live_line import LiveLine


class Say:
    """Prints progress lines, each with the seconds since the start.

    Args:
        stream: Where to; None: standard output.

    Attributes:
        live: The line below them.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._began = time.monotonic()
        self.live = LiveLine(stream)

    def __call__(self, line: str) -> None:
        self.live.above(f"[{time.monotonic() - self._began:6.1f}s] {line}")
