"""Ends a process in the same way as Ctrl-C, whichever signal asks it to end."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ClassVar

_TOLD = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
_ONE = 1.0  # seconds in which one request may come in several ways: from the terminal and from the shell
_LATER = 0.05  # seconds


class ToldToEnd:
    """A context in which other signals do what Ctrl-C does: the first is a request, the second an
    interruption.

    They are SIGTERM (``kill``, ``timeout``, SLURM, systemd, Kubernetes), SIGHUP (a terminal that goes away),
    and SIGUSR1, SIGUSR2 and SIGXCPU (by which batch systems announce an end). A signal that the process was
    started to ignore, for example by ``nohup``, stays ignored. It works in the main thread, and does nothing
    in another one.

    Python only prints an interruption that falls into a finaliser, such as those of Ray's handles, and goes
    on. Such an interruption is made again.
    """

    by: ClassVar[str] = ""
    """The name of the signal that came first; empty where none has come, or Ctrl-C came."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last = float("-inf")
        self._usual: dict[int, object] = {}
        self._hook: Callable[[sys.UnraisableHookArgs], object] | None = None

    def __enter__(self) -> ToldToEnd:
        ToldToEnd.by = ""
        if threading.current_thread() is threading.main_thread():
            for number in _TOLD:
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._usual[number] = signal.signal(number, self._take)
            self._hook = sys.unraisablehook
            sys.unraisablehook = self._unraisable
        return self

    def __exit__(self, *_: object) -> None:
        for number, usual in self._usual.items():
            signal.signal(number, usual)
        if self._hook is not None:
            sys.unraisablehook = self._hook

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        main = threading.current_thread() is threading.main_thread()
        if main and issubclass(lost.exc_type, KeyboardInterrupt):
            # Not at once, which would fall into this function and be lost again.
            again = threading.Timer(_LATER, _thread.interrupt_main)
            again.daemon = True
            again.start()
        elif self._hook is not None:
            self._hook(lost)

    def status(self, status: int) -> int:
        """The exit status that a shell gives for the signal that came, where the command's own ``status``
        says interrupted (130); else ``status``.
        """
        return 128 + self._first if status == 130 and self._first is not None else status

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGXCPU and self._first is not None:
            return  # the kernel repeats it with every further second of CPU time
        again, self._last = time.monotonic() - self._last < _ONE, time.monotonic()
        if again:
            return
        self._first = self._first or number
        ToldToEnd.by = signal.Signals(self._first).name
        interrupt = signal.getsignal(signal.SIGINT)
        if callable(interrupt):
            # By its own number where that is asked for, since only Ctrl-C may be ignored.
            interrupt(number if getattr(interrupt, "any_signal", False) else signal.SIGINT, frame)
        else:  # ignored, as in the background of a script
            raise KeyboardInterrupt
