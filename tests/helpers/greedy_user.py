"""Another user of a cluster: ``python greedy_user.py ADDRESS``.

It holds a CPU of the first machine. At the first line that it reads it keeps the object stores full, until
its end and beyond what they can hold; at the next one it gives the CPU back. After each it says so.
"""

import sys

import numpy as np
import ray
from ray.util import placement_group, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_BYTES, _TIMES = 40 * 2**20, 3


def _fill():
    return [np.ones(_BYTES, np.uint8) for _ in range(_TIMES)]


def _main(address):
    ray.init(address, namespace="another", log_to_driver=False, logging_level="ERROR")
    held = placement_group([{"CPU": 1}])
    assert held.wait(60)
    print("held", flush=True)
    sys.stdin.readline()
    here = ray.get_runtime_context().get_node_id()
    kept = [ray.put(array) for array in _fill()]
    for node in ray.nodes():
        if node["Alive"] and node["NodeID"] != here:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            task = ray.remote(_fill).options(num_cpus=0, num_returns=_TIMES, scheduling_strategy=there)
            kept += task.remote()
    assert len(ray.wait(kept, num_returns=len(kept), fetch_local=False)[0]) == len(kept)
    print("full", flush=True)
    sys.stdin.readline()
    remove_placement_group(held)
    print("free", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _main(sys.argv[1])
