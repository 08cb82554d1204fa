"""EWC, LwF, DER++ and joint training in all scenarios: what each term is, and walks of two tiny tasks."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from tiny_walks import numbers, tiny_config, tiny_stream

from methods import registry as methods
from methods.method import Pass
from orchestrator.data.loader import eval_batches
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_OFF = {
    "ewc": {"method.ewc_weight": 0.0},
    "lwf": {"method.lwf_weight": 0.0},
    "derpp": {"method.derpp_alpha": 0.0, "method.derpp_beta": 1.0},
}
_SCENARIOS = ("", "clip-", "vqa-")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf")


def _made(name, shelf):
    """A method that has begun its second task, and a batch of that task."""
    config = tiny_config(name)
    stream = tiny_stream(config, shelf)
    torch.manual_seed(0)
    method = methods.get(name)(config.method, stream.spec).eval()
    batches = [next(iter(eval_batches(data.splits["train"], batch_size=6))) for data in stream.tasks]
    method.start_task(stream.tasks[0].task)
    for step in [p for p in method.phases(stream.tasks[0].task) if isinstance(p, Pass)]:
        method.observe(batches[0], step)
    method.finish_task(stream.tasks[0].task, list)
    method.start_task(stream.tasks[1].task)
    return method, batches[1], config.method


def _nudge(method):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in method.parameters():
            p.add_(torch.randn(p.shape, generator=generator), alpha=0.05)


def _term(method, batch, name):
    return method.loss(batch, None)[name]


@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_ewc_is_the_fisher_weighted_distance_from_the_last_tasks_weights(scenario, shelf):
    method, batch, config = _made(f"{scenario}ewc", shelf)
    assert _term(method, batch, "ewc").item() == 0
    before = [p.detach().clone() for p in method.parameters()]
    fisher = list(method.fisher.buffers())
    assert all((f >= 0).all() for f in fisher) and any((f > 0).any() for f in fisher)
    _nudge(method)
    gaps = zip(fisher, method.parameters(), before, strict=True)
    wanted = config.ewc_weight * sum((f * (p - b) ** 2).sum() for f, p, b in gaps)
    torch.testing.assert_close(_term(method, batch, "ewc"), wanted)
    assert wanted > 0


def test_the_pairs_of_a_task_are_squared_in_the_batches_that_the_key_says(shelf, tmp_path, monkeypatch):
    """Sixteen pairs in batches of six: the last has four, and counts as four."""
    config = tiny_config("ewc", **{"method.fisher_batch_size": 6})
    observe, seen = methods.get("ewc").observe, []

    def watched(self, batch, step):
        observe(self, batch, step)
        seen.append((step.name, len(batch), self._samples.item()))

    monkeypatch.setattr(methods.get("ewc"), "observe", watched)
    StreamLoop(config, tiny_stream(config, shelf), tmp_path, CollectingReporter(), device=_CPU).run()
    assert seen == 2 * [("fisher", 6, 6), ("fisher", 6, 12), ("fisher", 4, 16)]


@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_lwf_pulls_towards_the_model_before_the_task(scenario, shelf):
    method, batch, config = _made(f"{scenario}lwf", shelf)
    term = _term(method, batch, "lwf")
    trained = [p for p in method.parameters() if p.requires_grad]
    still = torch.autograd.grad(term, trained, allow_unused=True, materialize_grads=True)
    assert max(g.abs().max() for g in still) < 1e-5, "the student is its own teacher"
    _nudge(method)
    away = _term(method, batch, "lwf")
    moved = torch.autograd.grad(away, trained, allow_unused=True, materialize_grads=True)
    assert away > term + 1e-6, "cross-entropy is least where student and teacher agree"
    assert max(g.abs().max() for g in moved) > 1e-4
    method.finish_task(None, list)
    assert "lwf" not in method.loss(batch, None)
    assert not any("teacher" in name for name in method.state_dict())


@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_derpp_compares_with_what_was_kept(scenario, shelf):
    method, batch, config = _made(f"{scenario}derpp", shelf)
    plain = method.loss(batch, None)
    assert "stored_logits" not in plain
    batch = replace(batch, kept=method.keep(batch))
    assert not batch.kept.requires_grad
    found = {name: value.item() for name, value in method.loss(batch, None).items()}
    assert found.pop("stored_logits") < 1e-8
    assert found == {name: pytest.approx(config.derpp_beta * value.item()) for name, value in plain.items()}
    _nudge(method)
    moved = _term(method, batch, "stored_logits")
    assert moved > 1e-4
    moved.backward()
    batch.kept[:3] = math.nan  # samples that are not of the memory
    method.zero_grad()
    part = _term(method, batch, "stored_logits")
    part.backward()
    assert 0 < part < moved * 10
    assert all(p.grad is None or p.grad.isfinite().all() for p in method.parameters())


def _walk(name, shelf, folder, reporter=None, **changes):
    config = tiny_config(name, **changes)
    reporter = reporter or CollectingReporter()
    StreamLoop(config, tiny_stream(config, shelf), folder, reporter, device=_CPU).run()
    return [{k: v for k, v in r.items() if k != "replay/bytes"} for r in numbers(reporter.reports)]


@pytest.fixture(scope="module")
def walked(shelf, tmp_path_factory):
    """A method -> the reports of its undisturbed walk, one for all that compare with it."""
    return cache(lambda name: _walk(name, shelf, tmp_path_factory.mktemp("walk")))


@pytest.mark.parametrize("kind", _OFF)
@pytest.mark.parametrize("scenario", ["", "vqa-"])  # test_recognition_walk.py has recognition
def test_at_zero_strength_a_baselines_numbers_are_those_it_stands_on(scenario, kind, walked, shelf, tmp_path):
    wanted = walked(f"{scenario}{'er' if kind == 'derpp' else 'finetune'}")
    assert _walk(f"{scenario}{kind}", shelf, tmp_path, **_OFF[kind]) == wanted
    on = walked(f"{scenario}{kind}")
    assert on[0] == wanted[0], "the first task has nothing to keep"
    assert on[1]["train/total"] != wanted[1]["train/total"]


@pytest.mark.parametrize("kind", _OFF)
@pytest.mark.parametrize("scenario", ["", "vqa-"])
def test_a_trial_goes_on_from_its_last_task_with_the_numbers_of_an_undisturbed_run(
    scenario, kind, walked, shelf, tmp_path
):
    class Stops(CollectingReporter):
        def report(self, metrics):
            super().report(metrics)
            return False

    whole = walked(f"{scenario}{kind}")
    _walk(f"{scenario}{kind}", shelf, tmp_path, Stops())
    assert _walk(f"{scenario}{kind}", shelf, tmp_path) == whole


@pytest.mark.parametrize("scenario", _SCENARIOS)
def test_joint_once_trains_at_the_first_task_on_the_whole_stream(scenario, shelf, tmp_path):
    name = f"{scenario}joint-once"
    config = tiny_config(name)
    rows = len(np.concatenate([d.splits["train"].label for d in tiny_stream(config, shelf).tasks]))
    _walk(name, shelf, tmp_path)
    lines = (tmp_path / "curves.csv").read_text().splitlines()[1:]
    steps = [line.split(",") for line in lines]
    assert {task for task, *_ in steps} == {steps[0][0]}, "no other task trains"
    count = len({number for _, _, number, *_ in steps})
    assert count == config.method.epochs * (rows // config.method.batch_size)
