"""Drops progress that has no reader any more."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO


@contextmanager
def unread() -> Iterator[None]:
    """Drops what cannot be printed inside the block.

    The reader or the terminal may have gone, or the disk may be full. That is no reason to end the work that
    the output tells of.
    """
    with ExitStack() as stack:
        for stream, redirect in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if (dropping := _dropping(stream)) is not None:
                stack.enter_context(redirect(dropping))
                stack.callback(dropping.flush)
        yield


def _dropping(stream: Any) -> TextIO | None:
    try:
        handle = stream.fileno()
        stream.flush()
    except (AttributeError, OSError, ValueError):  # closed, or kept in memory
        return None
    raw = io.BufferedWriter(_Dropping(handle, "wb", closefd=False))
    how = {"encoding": stream.encoding, "errors": stream.errors, "line_buffering": stream.line_buffering}
    return io.TextIOWrapper(raw, **how)


class _Dropping(io.FileIO):
    def write(self, data: Any) -> int | None:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes
