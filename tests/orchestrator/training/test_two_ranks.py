"""Two ranks with half of a batch each walk as one rank with the whole batch: every method, in real processes,
on gloo.

Weights, losses and memories are compared in float64, where the order of additions does not show. Then the
whole walk is compared as it is, in float32, with the final evaluation.
"""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from tiny_walks import numbers, tiny_config, tiny_stream
from torch import nn
from two_ranks import on_two_ranks

from methods import registry as methods
from methods.method import Batch, Method
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.replay.memory import ReplayMemory
from orchestrator.storage import checkpoint
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_OWN = {"clap4clip": {"method.dropout": 0.0}}  # dropout is each rank's own
_VARIANTS = {
    "ctp, two micro-batches": ("ctp", {"run.accumulate": 2}),
    # Of 16 pairs one rank squares 6 and 4 together, the other 6.
    "ewc, uneven batches": ("ewc", {"method.fisher_batch_size": 6}),
    "vqacl, two micro-batches and a balanced memory": (
        "vqacl",
        {"run.accumulate": 2, "replay.policy": "balanced", "replay.balance_by": "group"},
    ),
}
_VARIANTS |= {
    f"{name}, {replay} and then consolidated": (
        name,
        {"method.replay": replay, "method.consolidation_epochs": 2, **changes},
    )
    for name, replay, changes in (
        ("er", "weighted", {"run.accumulate": 2}),
        ("clip-er", "weighted", {"replay.policy": "reservoir", "method.logit_scale": "learnt"}),
        ("clip-er", "merge", {}),
        ("clip-derpp", "weighted", {"run.accumulate": 2}),
        ("vqa-er", "weighted", {}),
        ("triplet-er", "weighted", {}),
    )
}
_RUNS = {name: (name, _OWN.get(name, {})) for name in methods.names()} | _VARIANTS
_AS_OTHERS = {
    *("ctp", "finetune", "er", "joint", "ewc", "joint-once", "vqacl", "vqa-finetune", "vqa-er", "vqa-joint"),
    *("vqa-joint-once", "l2p", "triplet-er", "triplet-joint"),
}
"""Those whose every line that computes is one of the other runs', too. They walk with what is slow."""
_WHOLE = ("er", "clip-er", "clip-derpp", "clap4clip", "vqacl", "triplet")
"""Those that walk in float32, too, and are tested."""
_WHOLE_AS_OTHERS = {"clip-er"}  # of which clip-derpp has every line


class _Stops(CollectingReporter):
    def report(self, metrics):
        super().report(metrics)
        return False


@contextmanager
def _watched(dtype):
    """Makes methods, and the numbers in batches, ``dtype``.

    Yields the methods that were used, and the rows of their memories after each task.
    """
    seen, kept = [], []
    update, batch_to = ReplayMemory.update, Batch.to

    def method_to(self, device):
        if not any(self is other for other in seen):
            seen.append(self)
        return nn.Module.to(self, device, dtype)

    def batch_of(self, *args, **how):
        moved = batch_to(self, *args, **how)
        found = {
            k: v.to(dtype) for k, v in vars(moved).items() if torch.is_tensor(v) and v.is_floating_point()
        }
        return dataclasses.replace(moved, **found)

    def updated(self, *args):
        update(self, *args)
        kept.append(self.rows.copy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Method, "to", method_to)
        patch.setattr(Batch, "to", batch_of)
        patch.setattr(ReplayMemory, "update", updated)
        yield seen, kept


def _walk(run, dtype, folder, shelf, *, cut, tested):
    """What a rank knows of a walk. With ``cut`` the walk is stopped after its first task and goes on."""
    method, changes = _RUNS[run]
    # Several batches of a split, so that each rank has some.
    config = tiny_config(method, **{"run.eval_batch_size": 4, **changes})
    stream = tiny_stream(config, shelf)
    with _watched(dtype) as (seen, kept):
        for reporter in [_Stops()] * cut + [CollectingReporter()]:
            StreamLoop(config, stream, folder, reporter, device=_CPU).run()
        state = {name: value.clone() for name, value in seen[-1].state_dict().items()}
        test = final_evaluation(config, stream, folder, _CPU) if tested else {}
    return {"state": state, "rows": kept, "test": test}


def _doubles(run, folder, shelf, *, cut=False):
    return _walk(run, torch.float64, folder / "double" / run, shelf, cut=cut, tested=False)


def _singles(run, folder, shelf, *, cut=False):
    return _walk(run, torch.float32, folder / "single" / run, shelf, cut=cut, tested=True)


@pytest.fixture(scope="module")
def walks(request, tmp_path_factory):
    """The folder of the walks that this session's tests look at, and what rank 0 and rank 1 of two knew of
    theirs, by run.
    """
    folder = tmp_path_factory.mktemp("ranks")
    asked = [item for item in request.session.items if item.path == request.path]
    runs = [
        [item.callspec.params["run"] for item in asked if item.function is test]
        for test in (test_two_ranks_take_the_steps_of_one, test_two_ranks_walk_as_one)
    ]
    for method, changes in map(_RUNS.get, sum(runs, [])):
        tiny_stream(tiny_config(method, **changes), folder / "shelf")
    return folder, on_two_ranks(_walk_all, folder, *runs)


def _walk_all(rank, folder, doubles, singles):
    return {
        "double": {run: _doubles(run, folder / "two", folder / "shelf", cut=True) for run in doubles},
        "single": {run: _singles(run, folder / "two", folder / "shelf", cut=True) for run in singles},
    }


def _differing(found, wanted):
    """The names of tensors that differ by more than the order of additions can change in float64, and by how
    much.
    """
    assert found.keys() == wanted.keys()
    pairs = {name: (_felt(name, found[name]), _felt(name, wanted[name])) for name in wanted}
    return {
        name: float((mine.double() - theirs.double()).abs().max())
        for name, (mine, theirs) in pairs.items()
        if mine.dtype != theirs.dtype or not torch.allclose(mine, theirs, rtol=1e-9, atol=1e-10)
    }


def _felt(name, value):
    """The tensors without the bias of an attention's keys.

    That bias adds the same to all that a query is compared with, so that no output depends on it. Its
    gradient is rounding, and Adam with its decay makes it larger each step.
    """
    if not name.endswith("in_proj_bias"):
        return value
    query, _, own = value.chunk(3)
    return torch.cat([query, own])


def _same(one, other):
    """Whether two ranks know the same, to the last digit."""
    states = one["state"].keys() == other["state"].keys() and all(
        torch.equal(value, other["state"][name]) for name, value in one["state"].items()
    )
    return states and _same_rows(one, other) and one["test"] == other["test"]


def _same_rows(one, other):
    return len(one["rows"]) == len(other["rows"]) and all(map(np.array_equal, one["rows"], other["rows"]))


def _checkpoints(*folders):
    """Each task's checkpoint in each folder, in order."""
    return [[checkpoint.load(folder, task) for folder in folders] for task in (0, 1)]


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=[pytest.mark.slow] * (run in _AS_OTHERS)) for run in _RUNS]
)
def test_two_ranks_take_the_steps_of_one(run, walks, tmp_path):
    folder, ranks = walks
    wanted = _doubles(run, tmp_path, folder / "shelf")
    found = [rank["double"][run] for rank in ranks]
    assert _same(*found)
    assert _same_rows(found[0], wanted) and len(wanted["rows"]) >= 2
    assert all(
        value.dtype == torch.float64 for value in wanted["state"].values() if value.is_floating_point()
    )
    assert _differing(found[0]["state"], wanted["state"]) == {}
    for mine, theirs in _checkpoints(folder / "two" / "double" / run, tmp_path / "double" / run):
        assert _differing(mine.model, theirs.model) == {}
        assert _differing_memory(mine, theirs) == []
        _alike(mine.reports, theirs.reports, 1e-6)  # losses are gathered in float32


def _alike(reports, wanted, tolerance):
    assert numbers(reports) == [pytest.approx(report, rel=tolerance) for report in numbers(wanted)]


def _differing_memory(one, other, tolerance=1e-6):
    """The names of a memory's arrays that differ. A method's own values are float32, whatever it computes in:
    they alone may differ by a part of the largest of them.
    """
    assert one.memory.keys() == other.memory.keys()
    kept = {name: (one.memory[name], other.memory[name]) for name in other.memory}
    largest = {"kept": np.nanmax(np.abs(other.memory["kept"]))} if "kept" in kept else {}
    return [
        name
        for name, pair in kept.items()
        if not np.allclose(*pair, rtol=0, atol=tolerance * largest.get(name, 0), equal_nan=True)
    ]


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=[pytest.mark.slow] * (run in _WHOLE_AS_OTHERS)) for run in _WHOLE]
)
def test_two_ranks_walk_as_one(run, walks, tmp_path):
    folder, ranks = walks
    wanted = _singles(run, tmp_path, folder / "shelf")
    found = [rank["single"][run] for rank in ranks]
    assert _same(*found) and found[0]["test"] == pytest.approx(wanted["test"], rel=1e-4)
    for mine, theirs in _checkpoints(folder / "two" / "single" / run, tmp_path / "single" / run):
        assert _differing_memory(mine, theirs, 1e-3) == []
        # A new key lies where its gradient is rounding alone, and AdamW makes steps of it.
        _alike(mine.reports, theirs.reports, 1e-3)
