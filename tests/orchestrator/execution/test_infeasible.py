"""Which failures are told as a trial's own, and which as the infrastructure's. No Ray is started."""

from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrator.config import RunConfig
from orchestrator.evaluation import agreement
from orchestrator.execution import worker
from orchestrator.execution.job import Job
from orchestrator.execution.out_of_memory import out_of_memory
from orchestrator.numerics.diverged import Diverged

_TOO_MANY = 2**50  # elements; no machine has as much


def _raised(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - its type is what is asked
        call()
    return caught.value


@pytest.mark.parametrize(
    "call",
    [lambda: torch.empty(_TOO_MANY), lambda: np.empty(_TOO_MANY), lambda: bytearray(2**62)],
    ids=["torch", "numpy", "python"],
)
def test_what_the_libraries_raise_where_memory_is_missing_is_known(call):
    assert out_of_memory(_raised(call))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError("out of memory"), False),  # not what a trial asks for
    ],
)
def test_an_error_of_another_kind_is_none_of_memorys(error, expected):
    assert out_of_memory(error) is expected


@pytest.mark.parametrize(("neighbour", "infeasible"), [(False, True), (True, False)])
def test_a_trial_that_is_too_large_is_infeasible_and_one_whose_neighbour_is_is_tried_again(
    tmp_path, monkeypatch, neighbour, infeasible
):
    monkeypatch.setattr(worker, "neighbour_took", lambda *_: neighbour)
    job = Job("a", "train", {}, {}, Path(tmp_path))
    full = torch.OutOfMemoryError("CUDA out of memory")
    outcome = worker._explain(full, job, torch.device("cuda", 0), 1.0)
    assert (outcome.infeasible, outcome.again, outcome.fatal) == (infeasible, neighbour, False)
    outcome = worker._explain(KeyError("x"), job, torch.device("cuda", 0), 1.0)
    assert not outcome.infeasible, "a mistake in the code says nothing of values"


def test_a_trial_that_diverges_is_infeasible(tmp_path, monkeypatch):
    def diverges(*_):
        raise Diverged("loss term ita is nan")

    monkeypatch.setattr(agreement, "first_reason", lambda *_: None)
    monkeypatch.setattr(RunConfig, "from_dict", diverges)  # in place of the whole walk
    outcome = worker._run(Job("a", "train", {}, {}, Path(tmp_path)), None, torch.device("cpu"), None, {})
    assert (outcome.status, outcome.reason, outcome.infeasible) == ("failed", "loss term ita is nan", True)
