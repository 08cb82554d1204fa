import pytest

from orchestrator.errors import UserError
from orchestrator.lane import LaneResources
from orchestrator.placement import lane_resources, lanes_that_fit
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
        (LaneResources(1, 1, 0), [{"CPU": 16, "memory": 6 * _GB}], None, 20, 2),
    ],
)
def test_as_many_lanes_as_fit(resources, nodes, wanted, trials, lanes):
    assert lanes_that_fit(resources, nodes, wanted, trials) == lanes


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


def test_a_worker_takes_a_gpu_where_there_is_one():
    assert lane_resources(RunOptions(workers=2), 4).gpus == 1
    assert lane_resources(RunOptions(), 0).gpus == 0
    assert lane_resources(RunOptions(device="cpu"), 4).gpus == 0
    assert lane_resources(RunOptions(gpus_per_trial=0.25), 4).gpus == 0.25
