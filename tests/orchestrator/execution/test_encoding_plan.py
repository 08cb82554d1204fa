"""Where encoding runs, on clusters that are plain dictionaries."""

import pytest

from orchestrator.errors import UserError
from orchestrator.execution.cluster_resources import ClusterResources
from orchestrator.execution.encoding_plan import PoolPlan, plan_pool

_GB = 2**30
HEAD = {"CPU": 4, "memory": 16 * _GB}
GPU = {"CPU": 4, "GPU": 1}
BIG = {"CPU": 64, "GPU": 8, "memory": 512 * _GB}


def _plan(present, free=None, possible=(), gpus=0.0, chunks=1000, pictures=10**6):
    cluster = ClusterResources(present, present if free is None else free, list(possible))
    return plan_pool(cluster, gpus, chunks, pictures)


@pytest.mark.parametrize(
    ("given", "plan"),
    [
        ({"present": [HEAD]}, PoolPlan(4, 1, 0)),
        ({"present": [HEAD], "chunks": 3}, PoolPlan(3, 1, 0)),
        # No second process for a few pictures.
        ({"present": [HEAD], "pictures": 511}, PoolPlan(1, 1, 0)),
        ({"present": [HEAD], "pictures": 512}, PoolPlan(2, 1, 0)),
        ({"present": [HEAD], "pictures": 0}, PoolPlan(1, 1, 0)),
        ({"present": [{"CPU": 8, "memory": 7e9}, {"CPU": 2, "memory": 1e12}]}, PoolPlan(4, 1, 0)),
        ({"present": [{"CPU": 2, "memory": 1e9}]}, PoolPlan(1, 1, 0)),
        ({"present": [{"CPU": 1.5}]}, PoolPlan(1, 1, 0)),
        # Trials without GPUs leave GPUs alone.
        ({"present": [HEAD, BIG]}, PoolPlan(68, 1, 0)),
        # What others hold is not counted, by core or by node.
        ({"present": [HEAD], "free": [{"CPU": 1}]}, PoolPlan(1, 1, 0)),
        ({"present": [HEAD, HEAD], "free": [{"CPU": 3}, {}]}, PoolPlan(3, 1, 0)),
        ({"present": [HEAD], "free": [{"CPU": 4, "memory": 7 * _GB}]}, PoolPlan(2, 1, 0)),
        ({"present": [HEAD], "free": [{}]}, PoolPlan(1, 1, 0, "others")),
    ],
)
def test_on_the_cpus_that_are_free(given, plan):
    assert _plan(**given) == plan


@pytest.mark.parametrize(
    ("given", "plan"),
    [
        # Each GPU with its part of the CPUs.
        ({"present": [HEAD, GPU]}, PoolPlan(1, 4, 1)),
        ({"present": [BIG]}, PoolPlan(8, 8, 1)),
        ({"present": [{"CPU": 30, "GPU": 8}]}, PoolPlan(8, 3, 1)),
        ({"present": [{"CPU": 4, "GPU": 2}, {"CPU": 8, "GPU": 1}, HEAD]}, PoolPlan(3, 2, 1)),
        ({"present": [BIG], "chunks": 3}, PoolPlan(3, 8, 1)),
        ({"present": [BIG], "pictures": 600}, PoolPlan(2, 8, 1)),
        # Fewer CPUs than GPUs: as many as there are CPUs.
        ({"present": [{"CPU": 4, "GPU": 8}]}, PoolPlan(4, 1, 1)),
        ({"present": [{"CPU": 0, "GPU": 8}, GPU]}, PoolPlan(1, 4, 1)),
        # What is free: CPUs here and GPUs there are no place.
        ({"present": [BIG], "free": [{"CPU": 60, "GPU": 3}]}, PoolPlan(3, 8, 1)),
        ({"present": [BIG], "free": [{"CPU": 2, "GPU": 3}]}, PoolPlan(2, 1, 1)),
        ({"present": [BIG, GPU], "free": [{"CPU": 60, "GPU": 0}, {"GPU": 1}]}, PoolPlan(1, 1, 1, "others")),
        ({"present": [BIG], "free": [{"CPU": 60, "GPU": 0.5}]}, PoolPlan(1, 1, 1, "others")),
        # A fraction lies on one GPU, and takes as little as a trial does.
        ({"present": [{"CPU": 8, "GPU": 2}], "gpus": 0.6}, PoolPlan(2, 4, 0.6)),
        ({"present": [{"CPU": 8, "GPU": 2}], "gpus": 1 / 3}, PoolPlan(6, 1, 1 / 3)),
        ({"present": [BIG], "free": [{"CPU": 60, "GPU": 0.5}], "gpus": 0.25}, PoolPlan(2, 8, 0.25)),
        ({"present": [{"CPU": 8, "GPU": 1, "memory": 7 * _GB}], "gpus": 0.25}, PoolPlan(2, 4, 0.25)),
        # Machines that may come, as many as the work is worth: a hundred chunks each.
        ({"present": [HEAD], "possible": [GPU] * 8}, PoolPlan(8, 4, 1, "machines")),
        ({"present": [HEAD], "possible": [GPU] * 8, "chunks": 399}, PoolPlan(3, 4, 1, "machines")),
        ({"present": [HEAD], "possible": [GPU] * 8, "chunks": 5}, PoolPlan(1, 4, 1, "machines")),
        ({"present": [HEAD, GPU], "free": [HEAD, {}], "possible": [GPU]}, PoolPlan(1, 1, 1, "others")),
        ({"present": [HEAD, GPU], "possible": [GPU] * 7}, PoolPlan(1, 4, 1)),
    ],
)
def test_on_the_gpus_that_are_free_or_may_come(given, plan):
    assert _plan(**{"gpus": 1, **given}) == plan


def test_what_no_node_ever_has_is_one_line():
    with pytest.raises(UserError, match="no node has a CPU core"):
        _plan([{"CPU": 0}])
    with pytest.raises(UserError, match=r"asks for 0\.5 GPU a worker, which none of 2 node\(s\) has"):
        _plan([HEAD], possible=[{"GPU": 1}], gpus=0.5)


def test_a_plan_says_where_it_encodes():
    assert PoolPlan(4, 1, 0).explain() == "encoding on 4 CPU core(s)"
    assert PoolPlan(3, 8, 1).explain() == "encoding on 3 x 1 GPU and 8 CPU core(s)"
    assert PoolPlan(3, 8, 0.5).bundle == {"CPU": 8, "GPU": 0.5} and PoolPlan(1, 1, 0).bundle == {"CPU": 1}
