"""The CPUs that this process may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .control_groups import control_groups, read_text


def usable_cpus(root: Path = Path("/")) -> int:
    """How many CPUs this process may use, 1 or more.

    They are the CPUs on which it may be scheduled (``taskset``, SLURM, cpusets), but no more than the whole
    CPUs in its control groups' share of time (containers, systemd).

    Args:
        root: The folder that has ``proc`` and ``sys``.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([allowed, *_shares(root)])))


def _shares(root: Path) -> Iterator[float]:
    """How many CPUs' worth of time each control group around this process has, for each group that is
    limited.
    """
    for folder in control_groups("cpu", root):
        words = read_text(folder / "cpu.max").split() or [
            read_text(folder / f"cpu.cfs_{kind}_us") for kind in ("quota", "period")
        ]
        with suppress(ValueError, IndexError, ZeroDivisionError):  # "max", or there is no file
            if (share := float(words[0]) / float(words[1])) > 0:
                yield share
