"""Deterministic algorithms, while they are asked for and no longer."""

import pytest
import torch
from torch.backends import cudnn

from orchestrator.errors import UserError
from orchestrator.numerics.deterministic import ALLOWED, WORKSPACE, deterministic


def _settings():
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
    )


@pytest.fixture(params=[(False, False, False, True), (True, True, True, False)])
def before(request, monkeypatch):
    """The process's earlier settings, which come back after the test as well."""
    monkeypatch.delenv(WORKSPACE, raising=False)
    kept = _settings()

    def put(enabled, warn_only, *of_cudnn):
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        cudnn.deterministic, cudnn.benchmark = of_cudnn

    put(*request.param)
    yield request.param
    put(*kept)


def test_it_holds_inside_and_is_undone_after(before):
    with deterministic(True):
        assert _settings() == (True, False, True, False)
        with deterministic(True):
            pass
        assert _settings() == (True, False, True, False)
    assert _settings() == before
    with pytest.raises(KeyError), deterministic(True):
        raise KeyError
    assert _settings() == before


def test_without_it_nothing_changes(before):
    with deterministic(False):
        assert _settings() == before


def test_an_operation_without_a_deterministic_algorithm_is_one_line(before):
    # CPU's one of few: of equal places, which value stays is anybody's guess.
    put = lambda: torch.zeros(3).put_(torch.tensor([1, 1]), torch.ones(2))  # noqa: E731
    with pytest.raises(UserError) as error, deterministic(True):
        put()
    said = str(error.value)
    assert "\n" not in said and "put_" in said and said.endswith("allowed here is run.deterministic=false")
    assert _settings() == before
    with deterministic(False):
        torch.use_deterministic_algorithms(False)
        put()


def test_other_errors_pass_as_they_are(before):
    with pytest.raises(RuntimeError, match="must match"), deterministic(True):
        torch.ones(2) + torch.ones(3)


def test_the_workspace_of_cublas_is_set_before_cuda_is_woken_or_refused(monkeypatch):
    monkeypatch.setenv(WORKSPACE, ALLOWED[1])
    with deterministic(True):
        pass
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with deterministic(True):
        pass
    for wrong in (None, ":0:0"):
        monkeypatch.delenv(WORKSPACE) if wrong is None else monkeypatch.setenv(WORKSPACE, wrong)
        said = f"{WORKSPACE} .* it is {wrong!r}, allowed are :4096:8"
        with pytest.raises(UserError, match=said), deterministic(True):
            pass
