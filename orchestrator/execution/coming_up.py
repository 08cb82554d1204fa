"""A Ray of one's own that comes up."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

_PATIENCE = 60.0  # seconds
_NEEDED = ("gcs_server", "raylet")


def while_it_lives(
    look: Callable[..., Any], processes: Sequence[subprocess.Popen[Any]]
) -> Callable[..., Any]:
    """``look``, Ray's own look for its node, which raises RuntimeError as long as it is not there: Ray waits
    30 seconds, of which a busy machine takes more, and all of them for a process that is gone. The one that
    is returned looks for a minute.

    It raises a ChildProcessError, one line, where one of the ``processes`` that Ray cannot be without has
    died.
    """

    def patient(*args: Any) -> Any:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return look(*args)
            except RuntimeError:
                for process in processes:
                    name = os.path.basename(str(process.args[0]))
                    if name in _NEEDED and process.poll() is not None:
                        raise ChildProcessError(f"its process {name} has died ({how(process)})") from None
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)

    return patient


def how(process: subprocess.Popen[Any]) -> str:
    """How a process ended."""
    code = process.returncode
    return f"signal {-code}" if code < 0 else f"exit status {code}"
