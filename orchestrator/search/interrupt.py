"""Takes the first Ctrl-C as a request."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_first_interrupt(asked: Callable[[], None]) -> Iterator[None]:
    """Calls ``asked`` at the first Ctrl-C inside the block, and interrupts nothing. The next one is a
    KeyboardInterrupt, as usual.

    Other signals that are handed to Ctrl-C's handler (:class:`~orchestrator.commands.told_to_end.ToldToEnd`)
    count too, even where the process was started to ignore Ctrl-C itself, as in the background of a script.
    Use it in the main thread.
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

    # So ToldToEnd hands over each signal by its own number. mypy knows no attributes of functions.
    take.any_signal = True  # type: ignore[attr-defined]
    signal.signal(signal.SIGINT, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
