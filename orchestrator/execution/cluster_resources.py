"""What a Ray cluster has, and what its autoscaler may add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..schema import strict_yaml
from .ray_private import free_resources


@dataclass(frozen=True)
class ClusterResources:
    """Resources of each node (``CPU``, ``GPU``, ``memory`` and ``object_store_memory`` in bytes): ``present``
    ones, what is ``free`` of these, in their order, and ``possible`` ones that the autoscaler may add; what
    is not known of these is not there.
    """

    present: list[Mapping[str, float]]
    free: list[Mapping[str, float]]
    possible: list[Mapping[str, float]]

    @property
    def nodes(self) -> list[Mapping[str, float]]:
        return [*self.present, *self.possible]


def cluster_resources() -> ClusterResources:
    """Of the cluster that this process has joined. That machines may be added is known on its head, where the
    autoscaler runs with a file that names their types.
    """
    import ray

    alive = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
    # What Ray tells of the whole cluster does not say whether a CPU and a GPU are free on one node.
    available = free_resources()
    present, free = list(alive.values()), [available.get(node, {}) for node in alive]
    path = _autoscaling_config(ray.get_runtime_context().gcs_address)
    if path is None:
        return ClusterResources(present, free, [])
    config, _ = strict_yaml.read(path)
    return ClusterResources(present, free, possible_nodes(config, len(present) - 1))


def living_nodes() -> list[str]:
    """Their ids."""
    import ray

    return [node["NodeID"] for node in ray.nodes() if node["Alive"]]


def possible_nodes(config: Mapping, workers: int) -> list[Mapping[str, float]]:
    """What a cluster of ``workers`` workers may add by its launcher's ``config``: of each type as many as are
    allowed of it, the most at once where all types together are limited, larger machines first.
    """
    types = config.get("available_node_types") or {}
    room = max(0, int(config.get("max_workers", 0)) - workers)
    found = []
    for name, kind in types.items():
        if name != config.get("head_node_type"):
            found += [dict(kind.get("resources") or {})] * int(kind.get("max_workers", room))
    found.sort(key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), reverse=True)
    return found[:room]


def _autoscaling_config(gcs_address: str) -> Path | None:
    """The file of the autoscaler that serves the cluster, where it runs on this machine."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        given = dict(word.split("=", 1) for word in words if word.startswith("--") and "=" in word)
        if given.get("--gcs-address") == gcs_address and "--autoscaling-config" in given:
            return Path(given["--autoscaling-config"]).expanduser()
    return None
