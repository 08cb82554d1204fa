"""Notices that a Ray of one's own has died, before Ray ends the process without a word."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from .coming_up import how
from .ray_folder import RayFolder
from .ray_private import this_node

_LOOK = 0.5  # seconds between two checks
_DEAF = 5.0  # seconds in which the main thread has to hear of it
_STRUCK = signal.SIGUSR2


class RayLost(BaseException):
    """Ray does not answer any more. The message is one line.

    It is no Exception, because Tune would handle an Exception itself, ask Ray to clean up, and wait for Ray.
    """


class RayWatch:
    """From :meth:`start` to :meth:`end` the main thread gets a :class:`RayLost`, wherever it is, once Ray has
    died.

    It watches the two processes that a Ray of this process' own cannot do without. It watches nothing where
    Ray was joined, or in another thread.

    The main thread may not hear of it, because it waits inside Ray for the dead process. Ray would then end
    this process a minute later without a word. Instead, ``last_words`` is called with the line, on another
    thread, and the process ends with status 1.
    """

    def __init__(self, last_words: Callable[[str], None] = lambda line: None) -> None:
        self._last_words = last_words
        self._over, self._parked = threading.Event(), threading.Event()
        # It is named like a lane's thread, so that the process ends itself. Ray would wait for the dead
        # process.
        self._thread = threading.Thread(target=self._watch, name="lane-watch", daemon=True)
        self._line = ""
        self._usual = signal.getsignal(_STRUCK)

    def start(self) -> None:
        """Begins to watch."""
        if _own_node() is None or threading.current_thread() is not threading.main_thread():
            return
        signal.signal(_STRUCK, self._strike)
        self._thread.start()

    def end(self) -> None:
        """Stops watching. From here on nothing is raised, whether Ray is lost or not."""
        self._over.set()
        if self._thread.ident is not None and not self._line:
            self._thread.join(_DEAF)  # a thread that has just seen a death stays until the process ends
            signal.signal(_STRUCK, self._usual if not self._thread.is_alive() else signal.SIG_IGN)

    def _watch(self) -> None:
        while not self._over.wait(_LOOK):
            if line := died():
                self._line = line
                signal.pthread_kill(threading.main_thread().ident, _STRUCK)
                if self._over.wait(_DEAF):
                    self._parked.wait()  # until the process ends
                    return
                self._over.set()
                try:
                    self._last_words(line)
                finally:
                    for folder in list(RayFolder.left):
                        folder.remove()
                    os._exit(1)

    def _strike(self, number: int, frame: FrameType | None) -> None:
        if not self._line:  # somebody else sent the signal
            if callable(self._usual):
                self._usual(number, frame)
        elif not self._over.is_set():
            self._over.set()
            raise RayLost(self._line)


def died() -> str:
    """Which process of the Ray that this process started has died, and how; empty where none has."""
    if (node := _own_node()) is None:
        return ""
    for kind, process in node.dead_processes():
        if kind in ("gcs_server", "raylet"):
            return f"Ray's own process {kind} (pid {process.pid}) has died ({how(process)})"
    return ""


def _own_node():
    node = this_node()
    return node if node is not None and node.is_head() else None
