"""The start of a Ray of one's own."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

_PATIENCE = 60.0  # seconds
_NEEDED = ("gcs_server", "raylet")
_READ = 10_000  # characters of a log, which begins with why


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
                    name = os.path.basename(_command(process)[0])
                    if name in _NEEDED and process.poll() is not None:
                        died = f"its process {name} has died ({how(process)}){_why(process)}"
                        raise ChildProcessError(died) from None
                if time.monotonic() > until:
                    raise
            time.sleep(0.05)

    return patient


def how(process: subprocess.Popen[Any]) -> str:
    """How a process ended: by which signal, or with which exit status."""
    code = process.returncode
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _command(process: subprocess.Popen[Any]) -> list[str]:
    return [str(one) for one in cast("list[Any]", process.args)]


def _why(process: subprocess.Popen[Any]) -> str:
    """What a process of Ray's wrote before it ended itself; empty where it wrote nothing of that."""
    given = dict(one.partition("=")[::2] for one in _command(process))
    log = given.get("--stderr_filepath", "")
    try:
        with open(log, encoding="utf-8", errors="replace") as lines:
            found = re.search(r"Check failed: (?:\S+\(\) )?(.*)", lines.read(_READ))
    except OSError:
        return ""
    return f": {found[1].strip()}" if found else ""
