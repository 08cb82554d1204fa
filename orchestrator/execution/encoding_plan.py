"""Plans how many processes encode, and what each asks Ray for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import UserError
from .cluster_resources import ClusterResources
from .slots import slots

_PROCESS_BYTES = 3 * 2**30  # bytes that a process with torch and an encoder may hold
_DECODERS = 8  # CPUs that decode for one GPU, at most
_WORTH = 100  # chunks for each process that justify a new machine
_LEAST = 256  # pictures for each process: a core encodes about as many while another process comes up

_Nodes = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class PoolPlan:
    """The processes that encode.

    Attributes:
        processes: How many there are.
        cpus: The CPUs of each, which decode.
        gpus: The part of a GPU that each holds, 0 .. 1.
        waits: What the pool waits for where no process can start at once: ``others``, which hold all CPUs or
            GPUs, or ``machines``, which the autoscaler has to add.
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
        """The place where the pool encodes, in words."""
        if not self.gpus:
            return f"encoding on {self.processes} CPU core(s)"
        each = f"{self.gpus:g} GPU and {self.cpus} CPU core(s)"
        return f"encoding on {self.processes} x {each}"


def plan_pool(cluster: ClusterResources, gpus: float, chunks: int, pictures: int) -> PoolPlan:
    """Plans as many processes as have room in the free resources, as far as a node's memory allows. There is
    no second process for fewer than 256 pictures each.

    Where nothing is free it plans one process, which waits for the first room that others leave. Where no
    node has a GPU yet it plans as many processes as justify a machine, among the nodes that may come.

    Args:
        cluster: The cluster's resources.
        gpus: The part of a GPU that a trial's worker holds. Each process gets as much, and its share of the
            free CPUs, at least one. 0: each process gets one CPU.
        chunks: How many chunks are encoded. There are no more processes than that.
        pictures: How many pictures they have.

    Raises:
        UserError: No process would ever have room.
    """
    most = min(chunks, max(1, pictures // _LEAST))
    if not gpus:
        return _on_cpus(cluster, most)
    if count := _room(cluster.free, 1, gpus):
        return _on_gpus(cluster.free, min(count, most), gpus, "")
    if _room(cluster.present, 1, gpus):
        return PoolPlan(1, 1, gpus, "others")
    if count := _room(cluster.possible, 1, gpus):
        return _on_gpus(cluster.possible, min(count, max(1, min(most, chunks // _WORTH))), gpus, "machines")
    raise UserError(
        f"a trial asks for {gpus:g} GPU a worker, which none of {len(cluster.nodes)} node(s) has beside a "
        "CPU core; allowed are a smaller run.gpus_per_trial, 0 for none, and nodes with GPUs"
    )


def _on_gpus(nodes: _Nodes, processes: int, gpus: float, waits: Literal["", "machines"]) -> PoolPlan:
    cpus = max(n for n in range(1, _DECODERS + 1) if n == 1 or _room(nodes, n, gpus) >= processes)
    return PoolPlan(processes, cpus, gpus, waits)


def _on_cpus(cluster: ClusterResources, most: int) -> PoolPlan:
    if not _room(cluster.present, 1, 0):
        raise UserError(
            "no node has a CPU core to encode on: start Ray with CPUs, or give --no-feature-cache"
        )
    free = _room(cluster.free, 1, 0)
    return PoolPlan(min(max(1, free), most), 1, 0, "" if free else "others")


def _room(nodes: _Nodes, cpus: int, gpus: float) -> int:
    memory = [max(1, node.get("memory", math.inf) / _PROCESS_BYTES) for node in nodes]
    return sum(int(min(slots(node, cpus, gpus), most)) for node, most in zip(nodes, memory, strict=True))
