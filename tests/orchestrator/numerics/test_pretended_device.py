"""Every method walks, goes on and is tested on a pretended GPU, on which a tensor of another device shows."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from pretended_device import Pretended, pretended_device
from tiny_walks import numbers, tiny_config, tiny_stream
from torch import nn

from methods import registry as methods
from methods.backbones import load_pairs
from methods.backbones.clip import load_clip
from methods.method import Batch
from methods.recognition.clap4clip.method import Clap4Clip
from methods.vqa.triplet import load as frozen
from methods.vqa.triplet import prompt_method
from methods.vqa.vqacl import prototypes
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.storage import checkpoint
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_VARIANTS = {
    "ctp, two micro-batches in bfloat16": ("ctp", {"run.accumulate": 2, "run.precision": "bf16"}),
    "mma, linear with a clamped scale, two micro-batches": (
        "mma",
        {"method.adapter": "clip_linear", "method.clamp_scale": True, "run.accumulate": 2},
    ),
    "clip-er, an adapter and a memory by entropy, of pixels": (
        "clip-er",
        {"method.head": "adapter", "replay.policy": "entropy", "run.feature_cache": False},
    ),
    "clap4clip, learned prompts": (
        "clap4clip",
        {"method.prompt": "coop", "method.context_length": 2},
    ),
    "clap4clip, all its parts in bfloat16": (
        "clap4clip",
        {
            "method.prior": "data_driven",
            "method.task_tokens": True,
            "method.hierarchical": True,
            "method.global_samples": 2,
            "method.distill_weight": 0.3,
            "method.ortho_weight": 5.0,
            "replay.policy": "variance",
            "run.precision": "bf16",
        },
    ),
    "clip-er, a memory by its own features": ("clip-er", {"replay.balance_by": "task"}),
    "vqacl, a memory by object group": (
        "vqacl",
        {"replay.policy": "balanced", "replay.balance_by": "group", "run.precision": "bf16"},
    ),
    "itr-zero-shot, rows of each batch": ("itr-zero-shot", {"run.feature_cache": False}),
    "itr-cca, a CLIP, its rows as they are": (
        "itr-cca",
        {"run.feature_cache": False, "method.backbone.model": "small", "method.projection_width": 0},
    ),
    "triplet, queries of each step": (
        "triplet",
        {"run.feature_cache": False, "method.classifier": "majority"},
    ),
}
_RUNS = {name: (name, {}) for name in methods.names()} | _VARIANTS
_AS_OTHERS = {
    *("ctp", "finetune", "er", "joint", "joint-once", "itr-zero-shot", "clap4clip"),
    *("vqa-finetune", "vqa-er", "vqa-joint", "vqa-joint-once", "l2p", "triplet-er", "triplet-joint"),
}
"""Those whose every line that makes a tensor is one of the other runs', too. They walk with what is slow."""


class _Stops(CollectingReporter):
    def report(self, metrics):
        super().report(metrics)
        return False


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@contextmanager
def _pretence():
    """The pretended device. A process has one of each frozen encoder, on the device of its last use: none is
    taken over.
    """
    cached = (load_clip, frozen._load, load_pairs._towers)
    for load in cached:
        load.cache_clear()
    try:
        with pretended_device() as device:
            yield device
    finally:
        for load in cached:
            load.cache_clear()


@pytest.fixture
def as_a_gpu(monkeypatch):
    """Does on the CPU what torch otherwise does on a GPU: AdamW is fused where a method asks for
    that there.
    """
    adam = torch.optim.AdamW
    monkeypatch.setattr(torch.optim, "AdamW", lambda *args, **how: adam(*args, **{**how, "fused": True}))


def _walk(config, stream, folder, device, *, cut):
    """Walks a trial and tests it in the end. With ``cut`` it stops after its first task and goes on."""
    if cut:
        assert StreamLoop(config, stream, folder, _Stops(), device=device).run() == "stopped"
    reporter = CollectingReporter()
    loop = StreamLoop(config, stream, folder, reporter, device=device)
    assert loop.run() == "finished"
    return numbers(reporter.reports), final_evaluation(config, stream, folder, device)


@pytest.mark.parametrize(
    "run", [pytest.param(run, marks=[pytest.mark.slow] * (run in _AS_OTHERS)) for run in _RUNS]
)
def test_a_gpu_gives_the_numbers_of_the_cpu(run, shelf, tmp_path, as_a_gpu):
    method, changes = _RUNS[run]
    config = tiny_config(method, **changes)
    stream = tiny_stream(config, shelf)
    wanted = _walk(config, stream, tmp_path / "cpu", _CPU, cut=False)
    with _pretence() as device:
        found = _walk(config, stream, tmp_path / "gpu", device, cut=True)
    assert found == wanted
    for task in (0, 1):
        mine, theirs = (checkpoint.load(tmp_path / name, task) for name in ("gpu", "cpu"))
        assert mine.model.keys() == theirs.model.keys()
        assert [
            name for name, value in theirs.model.items() if not torch.equal(mine.model[name], value)
        ] == []
        assert np.array_equal(mine.memory["rows"], theirs.memory["rows"])


def _drawn_on_the_cpu(monkeypatch):
    draw = Batch.draw
    monkeypatch.setattr(Batch, "draw", lambda self, sample: draw(self, sample).cpu())


def _columns_on_the_cpu(monkeypatch):
    targets = prompt_method.soft_targets
    monkeypatch.setattr(
        prompt_method,
        "soft_targets",
        lambda answer, score, column, columns: targets(answer, score, column.cpu(), columns),
    )


def _presence_on_the_cpu(monkeypatch):
    average = prototypes._average
    monkeypatch.setattr(
        prototypes,
        "_average",
        lambda old, new, present, averaged, part: average(old, new, present.cpu(), averaged, part),
    )


def _noise_on_the_cpu(monkeypatch):
    normal = Clap4Clip._normal
    monkeypatch.setattr(Clap4Clip, "_normal", lambda self, *args: normal(self, *args).cpu())


_PLANTS = {
    "er": _drawn_on_the_cpu,
    "clap4clip": _noise_on_the_cpu,
    "vqacl": _presence_on_the_cpu,
    "triplet-er": _columns_on_the_cpu,
}


@pytest.mark.parametrize("method", _PLANTS)
def test_a_tensor_left_on_the_cpu_is_found(method, shelf, tmp_path, monkeypatch):
    _PLANTS[method](monkeypatch)
    config = tiny_config(method)
    stream = tiny_stream(config, shelf)
    StreamLoop(config, stream, tmp_path / "cpu", CollectingReporter(), device=_CPU).run()
    with _pretence() as device, pytest.raises(RuntimeError, match="cuda:0 and cpu"):
        StreamLoop(config, stream, tmp_path / "gpu", CollectingReporter(), device=device).run()


def _on(device):
    """Tensors of ``device``: rows (3, 2), three numbers, one number, places."""
    rows = torch.arange(6.0, device=device).view(3, 2)
    return rows, rows[:, 0], rows.sum(), torch.tensor([2, 0], device=device)


_WRONG = {
    "sum": lambda gpu, cpu: gpu[0] + cpu[0],
    "sum in place": lambda gpu, cpu: cpu[2].add_(gpu[2]),
    "a number of the GPU": lambda gpu, cpu: cpu[1] * gpu[2],
    "product": lambda gpu, cpu: cpu[0] @ gpu[0].T,
    "linear": lambda gpu, cpu: nn.Linear(2, 2)(gpu[0]),
    "stack of numbers": lambda gpu, cpu: torch.stack([gpu[2], cpu[2]]),
    "places of the GPU": lambda gpu, cpu: cpu[1][gpu[3]],
    "gather": lambda gpu, cpu: gpu[1].index_select(0, cpu[3]),
    "values of the CPU": lambda gpu, cpu: gpu[1].index_put_((gpu[3],), cpu[1][:2]),
    "choice": lambda gpu, cpu: torch.where(cpu[1] > 0, gpu[1], 0),
    "embedding": lambda gpu, cpu: nn.functional.embedding(cpu[3], gpu[0]),
    "module half moved": lambda gpu, cpu: nn.BatchNorm1d(2).to("cuda")(cpu[0]),
    "generator": lambda gpu, cpu: torch.rand(2, device="cuda", generator=torch.Generator()),
    "another GPU": lambda gpu, cpu: torch.zeros(2, device="cuda:1"),
}
_RIGHT = {
    "sum": lambda rows, column, number, places: rows + column[:, None],
    "a number of the CPU": lambda rows, column, number, places: rows * torch.tensor(2.0),
    "places of the CPU": lambda rows, column, number, places: rows[torch.tensor([1, 1])],
    "places as a list": lambda rows, column, number, places: rows.clone().index_fill(0, places, 7)[[1, 2]],
    "copy into": lambda rows, column, number, places: rows.clone().copy_(torch.ones(3, 2)),
    "one hot": lambda rows, column, number, places: nn.functional.one_hot(places, 3),
    "as another": lambda rows, column, number, places: torch.ones(2, dtype=torch.int64).to(rows) + number,
    "as its own": lambda rows, column, number, places: rows.new_tensor([1.0, 2.0]) + rows,
    "drawn": lambda rows, column, number, places: torch.rand(
        2, device=rows.device, generator=torch.Generator(rows.device).manual_seed(1)
    ),
}


@pytest.mark.parametrize("case", _WRONG)
def test_the_pretence_tells_the_devices_apart(case):
    with pretended_device() as device, pytest.raises(RuntimeError, match="device|ordinal"):
        _WRONG[case](_on(device), _on(_CPU))


@pytest.mark.parametrize("case", _RIGHT)
def test_the_pretence_computes_what_the_cpu_does(case):
    wanted = _RIGHT[case](*_on(_CPU))
    with pretended_device() as device:
        found = _RIGHT[case](*_on(device))
        assert found.device == device and found.is_cuda and isinstance(found, Pretended)
        with pytest.raises(TypeError, match="numpy"):
            np.asarray(found)
        assert type(found.cpu()) is torch.Tensor and torch.equal(found.cpu(), wanted)


def test_a_module_is_moved_with_its_parameters_the_objects_they_are():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    weight = model[0].weight
    with pretended_device() as device:
        model.to(device)
        assert model[0].weight is weight and weight.device == device
        loss = model(torch.ones(3, 2).to(device)).square().sum()
        loss.backward()
        assert weight.grad.device == device and model[1].running_mean.device == device
        model.to("cpu")
    assert all(type(value) is torch.Tensor for value in model.state_dict().values())
    assert torch.isfinite(model(torch.ones(3, 2))).all()
