"""How many processes encode, and what each asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import UserError
from .cluster_resources import ClusterResources
from .slots import slots

_PROCESS_BYTES = 3 * 2**30  # what a process with torch and an encoder may hold
_DECODERS = 8  # CPUs at most that decode for one GPU
_WORTH = 100  # chunks a process for which a machine is made

_Nodes = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class PoolPlan:
    """``processes`` with ``cpus`` CPUs, which decode, and ``gpus`` GPUs each, 0 .. 1. ``waits``: for what,
    where not one of them can start at once: ``others``, who hold all CPUs or GPUs, or ``machines``, which the
    autoscaler has to add.
    """

    processes: int
    cpus: int
    gpus: float
    waits: Literal["", "others", "machines"] = ""

    @property
    def bundle(self) -> dict[str, float]:
        """What one process asks Ray for."""
        return {"CPU": self.cpus} | ({"GPU": self.gpus} if self.gpus else {})

    def explain(self) -> str:
        """Where it encodes, in words."""
        if not self.gpus:
            return f"encoding on {self.processes} CPU core(s)"
        each = f"{self.gpus:g} GPU and {self.cpus} CPU core(s)"
        return f"encoding on {self.processes} x {each}"


def plan_pool(cluster: ClusterResources, gpus: float, chunks: int) -> PoolPlan:
    """As many processes as have room on what is free, as far as a node's memory allows and no more than
    ``chunks``: with ``gpus`` > 0, what a trial's worker holds, that much of a GPU and its part of the free
    CPUs, at least one; else a CPU each.

    Where nothing is free it is one process, which waits for the first place that others give up. Where no
    GPU is there yet, it is as many as are worth a machine, of those that may come. :class:`UserError` where
    neither would ever do.
    """
    if not gpus:
        return _on_cpus(cluster, chunks)
    if count := _room(cluster.free, 1, gpus):
        return _on_gpus(cluster.free, min(count, chunks), gpus, "")
    if _room(cluster.present, 1, gpus):
        return PoolPlan(1, 1, gpus, "others")
    if count := _room(cluster.possible, 1, gpus):
        return _on_gpus(cluster.possible, min(count, max(1, chunks // _WORTH)), gpus, "machines")
    raise UserError(
        f"a trial asks for {gpus:g} GPU a worker, which none of {len(cluster.nodes)} node(s) has beside a "
        "CPU core; allowed are a smaller run.gpus_per_trial, 0 for none, and nodes with GPUs"
    )


def _on_gpus(nodes: _Nodes, processes: int, gpus: float, waits: Literal["", "machines"]) -> PoolPlan:
    cpus = max(n for n in range(1, _DECODERS + 1) if n == 1 or _room(nodes, n, gpus) >= processes)
    return PoolPlan(processes, cpus, gpus, waits)


def _on_cpus(cluster: ClusterResources, chunks: int) -> PoolPlan:
    if not _room(cluster.present, 1, 0):
        raise UserError(
            "no node has a CPU core to encode on: start Ray with CPUs, or give --no-feature-cache"
        )
    free = _room(cluster.free, 1, 0)
    return PoolPlan(min(max(1, free), chunks), 1, 0, "" if free else "others")


def _room(nodes: _Nodes, cpus: int, gpus: float) -> int:
    memory = [max(1, node.get("memory", math.inf) / _PROCESS_BYTES) for node in nodes]
    return sum(int(min(slots(node, cpus, gpus), most)) for node, most in zip(nodes, memory, strict=True))
