"""Whether what a sweep asks for can be had, said before anything waits for it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .errors import UserError
from .lane import LaneResources
from .run_options import RunOptions

_LANE_BYTES = 3 * 2**30  # a lane's processes held about 2.2 GB when measured


def lane_resources(run: RunOptions, cluster_gpus: float) -> LaneResources:
    """What a trial's lane asks for; ``gpus_per_trial`` None means one a worker where the cluster has any."""
    gpus = run.gpus_per_trial
    if gpus is None:
        gpus = run.workers if cluster_gpus and run.device != "cpu" else 0
    return LaneResources(run.workers, run.cpus_per_worker, gpus / run.workers)


def lanes_that_fit(
    resources: LaneResources, nodes: list[Mapping[str, float]], wanted: int | None, trials: int
) -> int:
    """How many lanes to start: ``wanted``, or as many as the nodes hold, never more than ``trials``.

    ``nodes``: the resources of each node, there or yet to come (``CPU``, ``GPU``, ``memory`` in bytes where
    it is known). A worker lies on one node, a lane's workers may lie on several. :class:`UserError` where not
    even one lane, or not all that were asked for, can be placed.
    """
    workers = 0
    for node in nodes:
        fits = node.get("CPU", 0) / resources.cpus
        if resources.gpus:
            fits = min(fits, node.get("GPU", 0) / resources.gpus)
        workers += int(fits + 1e-6)
    fit = workers // resources.workers
    asked = f"{resources.workers} worker(s) with {resources.cpus:g} CPU and {resources.gpus:g} GPU each"
    total = {key: sum(node.get(key, 0) for node in nodes) for key in ("CPU", "GPU")}
    have = f"{total['CPU']:g} CPU and {total['GPU']:g} GPU on {len(nodes)} node(s)"
    if fit == 0:
        raise UserError(f"a trial asks for {asked}, which does not fit on {have}")
    if wanted is not None and wanted > fit:
        raise UserError(f"--concurrent {wanted}: only {fit} trial(s) with {asked} fit at once on {have}")
    if wanted is not None:
        return min(wanted, trials)
    room = sum(node.get("memory", math.inf) for node in nodes) / (_LANE_BYTES * max(1, resources.workers))
    return max(1, min(fit, trials, max(1, int(min(room, fit)))))
