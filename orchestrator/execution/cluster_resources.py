"""The resources of a Ray cluster, and those that its autoscaler may add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..schema import strict_yaml
from .ray_private import free_resources


@dataclass(frozen=True)
class ClusterResources:
    """The resources of each node: ``CPU``, ``GPU``, and ``memory`` and ``object_store_memory`` in bytes.

    Attributes:
        present: The resources of the nodes that are there.
        free: Their free resources, in the same order.
        possible: The resources of the nodes that the autoscaler may add. A resource that is not known is
            missing.
    """

    present: list[Mapping[str, float]]
    free: list[Mapping[str, float]]
    possible: list[Mapping[str, float]]

    @property
    def nodes(self) -> list[Mapping[str, float]]:
        return [*self.present, *self.possible]


def cluster_resources() -> ClusterResources:
    """The resources of the cluster that this process has joined.

    Whether machines may be added is known only on the cluster's head. The autoscaler runs there, with a file
    that names the types of machines.
    """
    import ray

    alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    # Ray's figures for the whole cluster do not tell whether a CPU and a GPU are free on the same node.
    available = free_resources()
    present, free = list(alive.values()), [available.get(node, {}) for node in alive]
    path = _autoscaling_config(ray.get_runtime_context().gcs_address)
    if path is None:
        return ClusterResources(present, free, [])
    config, _ = strict_yaml.read(path)
    return ClusterResources(present, free, possible_nodes(config, len(present) - 1))


def living_nodes() -> list[str]:
    """The ids of the nodes that are alive."""
    import ray

    return [node["NodeID"] for node in ray.nodes() if node["Alive"]]


def possible_nodes(config: Mapping, workers: int) -> list[Mapping[str, float]]:
    """The nodes that a cluster may still add, larger machines first.

    Of each type there are as many as the file allows. Where the file limits all types together, there are no
    more than that.

    Args:
        config: The file of the cluster's launcher.
        workers: How many worker nodes the cluster has now.
    """
    types = config.get("available_node_types") or {}
    room = max(0, int(config.get("max_workers", 0)) - workers)
    nodes = []
    for name, kind in types.items():
        if name != config.get("head_node_type"):
            nodes += [dict(kind.get("resources") or {})] * int(kind.get("max_workers", room))
    nodes.sort(key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), reverse=True)
    return nodes[:room]


def _autoscaling_config(gcs_address: str) -> Path | None:
    """The file of the autoscaler that serves the cluster; None where the autoscaler does not run on this
    machine.
    """
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        given = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
        if given.get("--gcs-address") == gcs_address and "--autoscaling-config" in given:
            return Path(given["--autoscaling-config"]).expanduser()
    return None
