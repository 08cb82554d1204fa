"""Takes the first Ctrl-C as a request."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_first_interrupt(asked: Callable[[], None]) -> Iterator[None]:
    """Calls ``asked`` at the first Ctrl-C inside the block, and interrupts nothing. The next one is a
    KeyboardInterrupt, as usual.

    Other signals that are handed to Ctrl-C's handler (:class:`~orchestrator.commands.told_to_end.ToldToEnd`)
    count too, even where the process was started to ignore Ctrl-C itself, as in the background of a script.
    In another thread than the main one, which alone may take signals, it only shares the handler of a block
    outside it.

    A block inside another one shares its handler: the first Ctrl-C calls the ``asked`` of both, the inner one
    first. Where it came before the inner block, that one is called as the inner block begins.
    """
    usual = signal.getsignal(signal.SIGINT)
    if isinstance(usual, _FirstInterrupt):
        with usual.within(asked):
            yield
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _FirstInterrupt(asked, ignored=usual is signal.SIG_IGN))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


class _FirstInterrupt:
    """The handler of a block and of those inside it."""

    any_signal = True  # so ToldToEnd hands over each signal by its own number

    def __init__(self, asked: Callable[[], None], *, ignored: bool) -> None:
        self._asked = [asked]
        self._ignored = ignored
        self._came = False

    @contextmanager
    def within(self, asked: Callable[[], None]) -> Iterator[None]:
        self._asked.append(asked)
        try:
            if self._came:
                asked()
            yield
        finally:
            self._asked.remove(asked)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._ignored:
            return
        if self._came:
            raise KeyboardInterrupt
        self._came = True
        for asked in reversed(self._asked):
            asked()
