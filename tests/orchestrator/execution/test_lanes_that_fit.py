"""How many lanes CPUs, GPUs and memory hold."""

import pytest

from orchestrator.execution.lane_resources import LaneResources
from orchestrator.execution.placement import lanes_that_fit

_GB = 2**30


@pytest.mark.parametrize(
    ("workers", "cpus", "gpus", "nodes", "lanes"),
    [
        (1, 2, 0, [(8, 0, 64)], 4),
        (1, 2, 0, [(7, 0, 64)], 3),
        (1, 2, 0, [(3, 0, 64), (3, 0, 64)], 2),
        (2, 2, 0, [(8, 0, 64)], 2),
        (1, 1, 1, [(8, 2, 64), (1, 8, 64)], 3),
        (1, 1, 0, [(16, 0, 12)], 4),
        (2, 1, 0, [(16, 0, 12)], 2),
        (4, 1, 0, [(16, 0, 12)], 1),
        (1, 1, 0, [(16, 0, 1)], 1),
    ],
)
def test_as_many_as_cpus_gpus_and_memory_hold(workers, cpus, gpus, nodes, lanes):
    held = [{"CPU": cpu, "GPU": gpu, "memory": memory * _GB} for cpu, gpu, memory in nodes]
    assert lanes_that_fit(LaneResources(workers, cpus, gpus), held, None, 99) == lanes


def test_no_more_than_there_are_trials():
    held = [{"CPU": 16, "GPU": 0, "memory": 64 * _GB}]
    assert lanes_that_fit(LaneResources(1, 1, 0), held, 5, 3) == 3
    assert lanes_that_fit(LaneResources(1, 1, 0), held, 3, 5) == 3
    assert lanes_that_fit(LaneResources(1, 1, 0), held, None, 3) == 3
