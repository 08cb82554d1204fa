"""The line below a command's lines of progress, on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from typing import TextIO

_CLEAR = "\r\x1b[K"


class LiveLine:
    """Prints lines, and on a terminal keeps one below them that changes. Elsewhere there is no such line.

    The line is at most as wide as the terminal. It leaves the cursor at its beginning, so that what others
    print begins there.

    Args:
        stream: Where the lines are written; None: standard output at the time of writing.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._text = ""
        self._lock = threading.Lock()

    @property
    def seen(self) -> bool:
        """Whether the line is shown: on a terminal that can change it."""
        is_terminal = getattr(self._stream or sys.stdout, "isatty", bool)
        return is_terminal() and os.environ.get("TERM", "dumb") != "dumb"

    def above(self, line: str) -> None:
        """Prints a line, above the one that stays."""
        with self._lock:
            clear, again = (_CLEAR, self._fitting()) if self._text else ("", "")
            print(f"{clear}{line}\n{again}", end="", flush=True, file=self._stream)

    def show(self, text: str) -> None:
        """Shows a line in the place of the one before; an empty one takes it away."""
        with self._lock:
            if (text or self._text) and self.seen:
                self._text = text
                print(f"{_CLEAR}{self._fitting()}", end="", flush=True, file=self._stream)

    def _fitting(self) -> str:
        # Some terminals go to the next line after text that is as wide as they are.
        return f"{self._text[: self._columns() - 1]}\r" if self._text else ""

    def _columns(self) -> int:
        try:
            # The size is not asked of standard output, which may go to a file.
            return os.get_terminal_size((self._stream or sys.stdout).fileno()).columns
        except (OSError, ValueError):
            return shutil.get_terminal_size().columns
