"""Checks that the cluster can place what a sweep asks for, before anything waits for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..errors import UserError
from ..run_options import RunOptions
from .lane_resources import LaneResources
from .slots import slots

_LANE_BYTES = 3 * 2**30  # bytes; a lane's processes held about 2.2 GB when they were measured


def lane_resources(run: RunOptions, nodes: Sequence[Mapping[str, float]]) -> LaneResources:
    """The resources that a trial's lane asks for.

    Args:
        run: The run's options. ``run.gpus_per_trial`` None means one GPU for each worker where a node has a
            GPU.
        nodes: The cluster's nodes, present or still to come.

    Raises:
        UserError: ``run.device`` is cuda and no node has a GPU.
    """
    return LaneResources(run.workers, run.cpus_per_worker, worker_gpus(run, nodes))


def worker_gpus(run: RunOptions, nodes: Sequence[Mapping[str, float]]) -> float:
    """The GPUs that each worker of a trial holds, 0 .. 1.

    Args:
        run: As for :func:`lane_resources`.
        nodes: As for :func:`lane_resources`.

    Raises:
        UserError: ``run.device`` is cuda and no node has a GPU.
    """
    has_gpu = any(node.get("GPU", 0) > 0 for node in nodes)
    if run.device == "cuda" and not has_gpu:
        raise UserError(
            f"run.device=cuda: none of the cluster's {len(nodes)} node(s), there or yet to come, has a GPU; "
            "allowed here are auto and cpu"
        )
    gpus = run.gpus_per_trial
    if gpus is None:
        gpus = run.workers if has_gpu and run.device != "cpu" else 0
    return gpus / run.workers


def lanes_that_fit(
    resources: LaneResources, nodes: Sequence[Mapping[str, float]], wanted: int | None, trials: int
) -> int:
    """How many lanes to start: ``wanted``, or as many as the nodes hold, and never more than ``trials``.

    A worker lies on one node, while a lane's workers may lie on several.

    Args:
        resources: What a lane asks for.
        nodes: The resources of each node, present or still to come (``CPU``, ``GPU``, and ``memory`` in bytes
            where it is known), as if nobody else used them. A lane whose room another sweep holds waits for
            its share.
        wanted: How many lanes were asked for; None: as many as fit.
        trials: How many trials there are.

    Raises:
        UserError: Not even one lane, or not all that were asked for, can be placed.
    """
    workers = [slots(node, resources.cpus, resources.gpus) for node in nodes]
    fit = sum(workers) // resources.workers
    asked = f"{resources.workers} worker(s) with {resources.cpus:g} CPU and {resources.gpus:g} GPU each"
    total = {key: sum(node.get(key, 0) for node in nodes) for key in ("CPU", "GPU")}
    have = f"{total['CPU']:g} CPU and {total['GPU']:g} GPU on {len(nodes)} node(s)"
    if fit == 0:
        raise UserError(
            f"a trial asks for {asked}, which does not fit on {have}; "
            "see docs/howto/gpu.md#what-a-trial-holds"
        )
    if wanted is not None and wanted > fit:
        raise UserError(f"--concurrent {wanted}: only {fit} trial(s) with {asked} fit at once on {have}")
    if wanted is not None:
        return min(wanted, trials)
    held = [
        min(count, node.get("memory", math.inf) // _LANE_BYTES)
        for count, node in zip(workers, nodes, strict=True)
    ]
    return max(1, min(fit, trials, int(sum(held) // resources.workers)))
