"""Another user of the cluster fills the object store under a sweep: it says so, and goes on."""

import numpy as np
import pytest
import ray
from ray.cluster_utils import Cluster

_MIB = 2**20


@pytest.fixture
def cluster():
    """One node whose object store is as small as Ray has it."""
    cluster = Cluster()
    cluster.add_node(num_cpus=1, object_store_memory=80 * _MIB, include_dashboard=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_store_filled_by_another_is_said_and_changes_no_number(cluster, four_trials, start_sweep, tmp_path):
    command, undisturbed = four_trials
    sweep = start_sweep(command, tmp_path, RAY_ADDRESS=cluster.address, RAY_AUTH_MODE="disabled")
    sweep.until("trial 1/4 starts")
    assert "moved to disk" not in sweep.said
    ray.init(cluster.address, namespace="another", log_to_driver=False)
    held = [ray.put(np.full(10 * _MIB, k, np.uint8)) for k in range(20)]
    sweep.until("trial 2/4 starts")
    # Read back in turn, which pushes the others out again.
    assert [int(ray.get(ref)[-1]) for ref in held] == list(range(20))
    assert sweep.end() == 0, sweep.said
    assert "the object store is full: " in sweep.said, sweep.said
    assert "MiB were moved to disk; the sweep goes on, more slowly" in sweep.said
    sweep.assert_like(undisturbed)
