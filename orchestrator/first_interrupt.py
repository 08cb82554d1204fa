"""Ctrl-C, taken for a request the first time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def first_interrupt(asked: Callable[[], None]) -> Iterator[None]:
    """Within it the first Ctrl-C calls ``asked`` and nothing is interrupted; the next one is a
    KeyboardInterrupt, as always. For the main thread.
    """
    usual = signal.getsignal(signal.SIGINT)
    came = False

    def take(*_: Any) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True
        asked()

    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
