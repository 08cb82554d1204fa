"""Checks that this machine can place a trial, before a Ray of its own is started for it."""

from __future__ import annotations

from ..machine.cpus import usable_cpus
from ..run_options import RunOptions
from .placement import lane_resources, lanes_that_fit
from .ray_address import ray_address
from .ray_private import visible_gpus


def check_here(run: RunOptions, wanted: int | None) -> None:
    """Checks that a trial, or the ``wanted`` ones at the same time, fit on this machine, where the session
    starts its own Ray.

    A cluster is checked once it is joined.

    Raises:
        UserError: They do not fit. The message is one line.
    """
    asks = run.workers * run.cpus_per_worker > 1 or run.gpus_per_trial or run.device == "cuda" or wanted
    if ray_address() is None and asks:
        nodes = [_resources()]
        lanes_that_fit(lane_resources(run, nodes), nodes, wanted, trials=wanted or 1)


def _resources() -> dict[str, float]:
    """The CPUs and GPUs of this machine, counted as a session's Ray counts them."""
    return {"CPU": usable_cpus(), "GPU": visible_gpus()}
