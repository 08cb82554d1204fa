import pytest
import torch

from orchestrator.execution.gpu_memory import neighbour_took

_GPU, _GIB = torch.device("cuda", 0), 2**30
_FULL = torch.cuda.OutOfMemoryError("CUDA out of memory")


@pytest.fixture
def gpu(monkeypatch):
    """(free, own) GiB of a GPU of 80."""

    def hold(free, own):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free * _GIB, 80 * _GIB))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: own * _GIB)

    return hold


@pytest.mark.parametrize(
    ("share", "free", "own", "expected"),
    [
        (1.0, 1, 78, False),  # the trial itself is too large
        (1.0, 1, 40, True),  # somebody else holds 39
        (0.5, 1, 39, False),  # the neighbour has its half
        (0.5, 1, 20, True),  # the neighbour has 59 of its 40
        (0.25, 1, 19, False),
        (0.25, 1, 10, True),
    ],
)
def test_a_neighbour_is_at_fault_where_it_holds_more_than_its_share(gpu, share, free, own, expected):
    gpu(free, own)
    assert neighbour_took(_FULL, _GPU, share) is expected


def test_other_errors_and_a_device_that_does_not_answer_are_no_neighbours_doing(gpu, monkeypatch):
    gpu(1, 10)
    assert not neighbour_took(RuntimeError("device-side assert"), _GPU, 0.25)
    assert not neighbour_took(_FULL, torch.device("cpu"), 0.25)

    def broken(device):
        raise RuntimeError("device-side assert")

    monkeypatch.setattr(torch.cuda, "mem_get_info", broken)
    assert not neighbour_took(_FULL, _GPU, 0.25)
