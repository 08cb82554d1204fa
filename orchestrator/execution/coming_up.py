"""The start of a Ray of one's own."""

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
    """Makes Ray's search for its node wait longer, and stop at once where the node's process has died.

    ``look`` raises RuntimeError as long as the node is not there. By itself Ray waits for 30 seconds. A busy
    machine takes longer, and where a process is gone all of them are in vain. The function that is returned
    searches for a minute.

    Args:
        look: Ray's own search.
        processes: Ray's processes.

    Returns:
        A function in the place of ``look``. It raises a ChildProcessError, in one line, where one of the
        ``processes`` has died that Ray cannot do without.
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
            time.sleep(0.05)

    return patient


def how(process: subprocess.Popen[Any]) -> str:
    """How a process ended: by which signal, or with which exit status."""
    code = process.returncode
    return f"signal {-code}" if code < 0 else f"exit status {code}"
