"""Ctrl-C, taken for a request the first time."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def first_interrupt(asked: Callable[[], None]) -> Iterator[None]:
    """Within it the first Ctrl-C calls ``asked`` and nothing is interrupted; the next one is a
    KeyboardInterrupt, as always. What else is handed to Ctrl-C's handler
    (:class:`~orchestrator.commands.told_to_end.ToldToEnd`) counts as well, also where the process was
    started to ignore Ctrl-C itself, as a script's background is. For the main thread.
    """
    usual = signal.getsignal(signal.SIGINT)
    came = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if number == signal.SIGINT and usual is signal.SIG_IGN:
            return
        if came:
            raise KeyboardInterrupt
        came = True
        asked()

    # ToldToEnd hands it each by its own number. mypy knows no attributes of functions.
    take.any_signal = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
