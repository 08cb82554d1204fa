"""A process that draws."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from orchestrator.record.pen import serve; serve()"
)


class Pen:
    """A process at low priority that makes one call after another. It ends with the process that owns it,
    however the owner ends.

    It is not a pool of multiprocessing, whose processes import the main module anew. There a script that
    calls a command without ``if __name__ == "__main__"`` would run its experiment once more.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "pen")
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._over = False

    def submit(self, call: Callable[..., Any], *args: Any) -> Future[Any]:
        """Calls ``call(*args)`` in the process and gives the answer as a future. ``call`` is a function of a
        module.

        Raises:
            RuntimeError: The call raised; the message is that error's. The future raises this.
            BrokenProcessPool: The process died during the call. The next call has a new process. The future
                raises this.
        """
        return self._thread.submit(self._ask, call, *args)

    def close(self) -> None:
        """Waits for the calls under way, and ends the process."""
        self._thread.submit(self._end).result()
        self._thread.shutdown()

    def abandon(self) -> None:
        """Kills the process and makes no more calls. Futures without an answer get an error."""
        self._over = True
        self._thread.shutdown(wait=False, cancel_futures=True)
        if (process := self._process) is not None:
            process.kill()

    def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        line = self._line or self._start()
        if self._over and self._process is not None:  # the pen was abandoned while it started
            self._process.kill()
        try:
            line.send((call, args))
            answer, error = line.recv()
        except (EOFError, OSError):
            self._end()
            raise BrokenProcessPool("the process that draws has died") from None
        if error is not None:
            raise RuntimeError(error)
        return answer

    def _start(self) -> Connection:
        line, other = multiprocessing.Pipe()
        with other:
            command = [sys.executable, "-c", _MAIN, json.dumps(sys.path), str(other.fileno())]
            # The process has a group of its own, since Ctrl-C is for the sweep, which closes the pen when all
            # is drawn.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[other.fileno()], process_group=0
            )
        self._line = line
        return line

    def _end(self) -> None:
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()
        self._line = self._process = None


def serve() -> None:
    """The process' main loop: answers calls until no more can come."""
    os.nice(10)
    line = Connection(int(sys.argv[2]))
    with suppress(EOFError, ConnectionError):
        while True:
            line.send(_answer(line.recv_bytes()))


def _answer(asked: bytes) -> tuple[Any, str | None]:
    try:
        call, args = pickle.loads(asked)
        return call(*args), None
    except Exception as error:  # noqa: BLE001 - told to the caller
        return None, str(error) or type(error).__name__
