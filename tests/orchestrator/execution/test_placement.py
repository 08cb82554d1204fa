from fractions import Fraction

import pytest

from orchestrator.errors import UserError
from orchestrator.execution.lane_resources import LaneResources
from orchestrator.execution.placement import lane_resources, lanes_that_fit, worker_gpus
from orchestrator.execution.slots import slots
from orchestrator.run_options import RunOptions

_GB = 2**30


def _nodes(*nodes):
    return [{"CPU": cpu, "GPU": gpu, "memory": 64 * _GB} for cpu, gpu in nodes]


@pytest.mark.parametrize(
    ("resources", "nodes", "wanted", "trials", "lanes"),
    [
        (LaneResources(1, 1, 0), _nodes((2, 0)), None, 8, 2),
        (LaneResources(2, 1, 0), _nodes((2, 0)), None, 8, 1),
        (LaneResources(1, 1, 0), _nodes((2, 0)), 1, 8, 1),
        (LaneResources(1, 1, 0), _nodes((8, 0)), None, 3, 3),
        (LaneResources(1, 2, 1), _nodes((8, 2), (8, 2)), None, 20, 4),
        (LaneResources(1, 1, 0.5), _nodes((8, 1)), None, 20, 2),
        (LaneResources(4, 1, 1), _nodes((8, 2), (8, 2)), None, 20, 1),
        # GPUs that are alone on their node serve a lane together, an odd one is left.
        (LaneResources(2, 1, 1), _nodes((8, 1), (8, 3), (4, 0), (8, 1)), None, 20, 2),
        (LaneResources(4, 1, 1), _nodes((8, 2), (3, 0), (1, 2), (8, 2)), None, 20, 1),
        # A fraction lies on one GPU.
        (LaneResources(1, 1, 0.6), _nodes((8, 2)), None, 20, 2),
        (LaneResources(1, 1, 0.4), _nodes((64, 8)), None, 99, 16),
        (LaneResources(1, 1, 0.4), _nodes((64, 8), (3, 8), (4, 0)), None, 99, 19),
        (LaneResources(1, 1, 0), [{"CPU": 16, "memory": 6 * _GB}], None, 20, 2),
        # Memory of one node is none of another's.
        (
            LaneResources(1, 1, 0),
            [{"CPU": 16, "memory": 6 * _GB}, {"CPU": 2, "memory": 99 * _GB}],
            None,
            20,
            4,
        ),
        # Nor do parts of a lane on several nodes make one.
        (LaneResources(1, 1, 0), [{"CPU": 4, "memory": 4.2 * _GB}] * 3, None, 20, 3),
        (LaneResources(2, 1, 0), [{"CPU": 4, "memory": 4.2 * _GB}] * 4, None, 20, 2),
        (LaneResources(1, 1, 0), [{"CPU": 4, "memory": _GB}, {"CPU": 3}], None, 20, 3),
        (LaneResources(1, 1, 0), [{"CPU": 4, "memory": _GB}], None, 20, 1),
        (LaneResources(1, 1, 0), [{"CPU": 4, "memory": _GB}], 3, 20, 3),
    ],
)
def test_as_many_lanes_as_fit(resources, nodes, wanted, trials, lanes):
    assert lanes_that_fit(resources, nodes, wanted, trials) == lanes


@pytest.mark.parametrize("parts", range(2, 41))
def test_an_nth_of_a_gpu_fits_n_times_on_each_and_a_hair_more_does_not(parts):
    node = {"CPU": 500, "GPU": 3}
    assert slots(node, 1, 1 / parts) == slots(node, 1, sum([1 / parts] * 7) / 7) == 3 * parts
    assert slots(node, 1, 1 / parts + 0.001) == 3 * (Fraction(1) // (Fraction(1, parts) + Fraction(1, 1000)))


@pytest.mark.parametrize(
    ("free", "gpus", "count"),
    [(1.7, 0.6, 2), (0.5, 0.6, 0), (0.3 + 0.3, 0.6, 1), (2.4, 1, 2), (0.9999999, 1, 1), (3, 0.0001, 30000)],
)
def test_what_is_left_of_gpus(free, gpus, count):
    assert slots({"CPU": 10**6, "GPU": free}, 1, gpus) == count


def test_cpus_limit_as_gpus_do():
    assert slots({"CPU": 4, "GPU": 8}, 1, 1) == 4
    assert slots({"CPU": 4, "GPU": 8}, 3, 1) == 1
    assert slots({"CPU": 64, "GPU": 8}, 3, 1) == 8
    assert slots({"CPU": 2.9999999}, 3, 0) == 1
    assert slots({"GPU": 8}, 1, 1) == 0


@pytest.mark.parametrize(
    ("resources", "wanted", "message"),
    [
        (
            LaneResources(4, 1, 0),
            None,
            r"asks for 4 worker\(s\) with 1 CPU and 0 GPU each.*does not fit on 2 CPU",
        ),
        (LaneResources(1, 1, 1), None, "1 GPU each, which does not fit on 2 CPU and 0 GPU"),
        (LaneResources(1, 1, 0), 3, r"--concurrent 3: only 2 trial\(s\)"),
    ],
)
def test_what_can_never_be_placed_is_said(resources, wanted, message):
    with pytest.raises(UserError, match=message):
        lanes_that_fit(resources, _nodes((2, 0)), wanted, 8)


def test_more_lanes_with_a_fraction_than_gpus_have_room_for_are_refused():
    assert lanes_that_fit(LaneResources(1, 1, 0.6), _nodes((8, 2)), 2, 8) == 2
    with pytest.raises(UserError, match=r"--concurrent 3: only 2 trial\(s\) with .* 0\.6 GPU each"):
        lanes_that_fit(LaneResources(1, 1, 0.6), _nodes((8, 2)), 3, 8)


def test_a_worker_takes_a_gpu_where_there_is_one():
    with_gpus, without = _nodes((4, 0), (8, 4)), _nodes((4, 0))
    assert lane_resources(RunOptions(workers=2), with_gpus) == LaneResources(2, 1, 1)
    assert lane_resources(RunOptions(cpus_per_worker=3), without) == LaneResources(1, 3, 0)
    assert lane_resources(RunOptions(device="cpu"), with_gpus).gpus == 0
    assert lane_resources(RunOptions(gpus_per_trial=0), with_gpus).gpus == 0
    assert lane_resources(RunOptions(gpus_per_trial=0.25), with_gpus).gpus == 0.25
    assert lane_resources(RunOptions(device="cuda"), with_gpus).gpus == 1


@pytest.mark.parametrize("gpus", [None, 1, 0.5])
def test_cuda_on_a_cluster_without_a_gpu_is_refused(gpus):
    with pytest.raises(UserError) as error:
        worker_gpus(RunOptions(device="cuda", gpus_per_trial=gpus), _nodes((4, 0), (8, 0)))
    assert str(error.value) == (
        "run.device=cuda: none of the cluster's 2 node(s), there or yet to come, has a GPU; "
        "allowed here are auto and cpu"
    )
