"""Starts a sweep's dispatcher."""

from __future__ import annotations

import uuid
from typing import Any

from .calls import ask
from .cluster_resources import living_nodes
from .dispatcher import Dispatcher

SWEEPS = "vlcl-sweeps-2"
"""Namespace in which sweeps on one cluster find each other."""

_RETURNS = 3  # times that the dispatcher may die


def start_dispatcher(name: str, jobs: int) -> Any:
    """Starts the dispatcher's actor on this node. It must not go with a node that lanes are on. It also tells
    other sweeps what this one has and wants.

    Args:
        name: The run's name.
        jobs: How many jobs are to come.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    dispatcher = (
        ray.remote(Dispatcher)
        .options(
            name=f"{name}-{uuid.uuid4().hex[:8]}",
            namespace=SWEEPS,
            num_cpus=0,
            max_restarts=_RETURNS,
            max_concurrency=1000,
            scheduling_strategy=here,
        )
        .remote(jobs, living_nodes)
    )
    ask(dispatcher, "expect", 1)  # other sweeps make room for encoding too
    return dispatcher
