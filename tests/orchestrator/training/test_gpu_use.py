"""What a trial holds of GPUs, on a pretended one."""

import pytest
import torch

from orchestrator.run_options import RunOptions
from orchestrator.training.gpu_use import GpuUse

pytestmark = pytest.mark.unit


@pytest.fixture
def cuda(monkeypatch):
    """Bytes that torch says were allocated at most; a reset halves them. Which devices were asked."""
    state = {"peak": 800, "asked": []}

    def reset(device):
        state["peak"] //= 2
        state["asked"].append(device)

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: state["peak"])
    return state


@pytest.mark.parametrize(
    ("options", "gpus"), [({}, 1.0), ({"workers": 2}, 2.0), ({"gpus_per_trial": 0.25}, 0.25)]
)
def test_a_task_reports_the_gpus_of_all_ranks_and_the_peak_since_it_began(options, gpus, cuda):
    device = torch.device("cuda", 0)
    use = GpuUse(RunOptions(**options), device)
    use.begin()
    assert use.report() == {"gpus": gpus, "memory/gpu_bytes": 400.0} and cuda["asked"] == [device]


def test_on_the_cpu_there_is_no_gpu_and_torch_is_not_asked(cuda):
    use = GpuUse(RunOptions(), torch.device("cpu"))
    use.begin()
    assert use.report() == {"gpus": 0.0} and cuda["asked"] == []
