"""The FLOPs of a task's steps: by hand, in walks, on two ranks, and what counting must not change."""

import json
from contextlib import nullcontext
from dataclasses import replace
from functools import partial

import pytest
import torch
from tiny_walks import tiny_config, tiny_stream
from torch import nn
from two_ranks import on_two_ranks

from methods.method import Batch, InputSpec, Method, Phase
from methods.recognition.base import RecognitionMethod
from orchestrator.storage import checkpoint
from orchestrator.training import phase as phase_module
from orchestrator.training import step_flops
from orchestrator.training.flop_counter import flop_counter
from orchestrator.training.loss_curves import Curves
from orchestrator.training.phase import train_phase
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.step_flops import StepFlops
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_IN, _MIDDLE, _OUT = 5, 7, 3
_SPEC = InputSpec(8, 6, 9, pad_id=0, cls_id=1, sep_id=2, mask_id=3)


class _Layers(Method):
    """Two linear layers; or, with ``words``, a product for each column of tokens."""

    def __init__(self, *, words=False):
        super().__init__(None, _SPEC if words else None)
        self.first = nn.Linear(_IN, _MIDDLE, bias=False)
        self.second = nn.Linear(_MIDDLE, _OUT, bias=False)
        self._words = words

    def loss(self, batch, phase):
        rows = batch.feature
        if self._words:
            rows = rows.repeat_interleave(int((batch.tokens != 0).any(0).sum()), dim=0)
        return {"square": self.second(self.first(rows)).square().mean()}


def _layers(rows):
    """The second layer's backward pass has its input's gradient too, the first one's input has none."""
    return 2 * rows * (2 * _IN * _MIDDLE + 3 * _MIDDLE * _OUT)


def _batch(rows, *, tokens=None):
    tokens = torch.empty(rows, 0, dtype=torch.int64) if tokens is None else tokens
    return Batch(None, tokens, torch.zeros(rows), torch.arange(rows), feature=torch.randn(rows, _IN))


def _trained(method, batches, flops, *, accumulate=1):
    one = Phase("p", 1, 8, partial(torch.optim.SGD, method.parameters(), lr=0.1), lambda *_: 1.0)
    how = {"device": _CPU, "precision": "fp32", "accumulate": accumulate, "curves": Curves()}
    steps = len(batches) // accumulate
    train_phase(method, one, batches, steps, counted=flops.of_phase(method), **how)


@pytest.fixture
def begun():
    flops = StepFlops()
    flops.begin()
    return flops


@pytest.fixture
def counters(monkeypatch):
    """The counters that were made."""
    made = []

    def make():
        made.append(flop_counter())
        return made[-1]

    monkeypatch.setattr(step_flops, "flop_counter", make)
    return made


def test_linear_layers_take_two_m_n_k_a_product_and_a_smaller_last_batch_its_own(begun, counters):
    _trained(_Layers(), [_batch(8), _batch(8), _batch(8), _batch(3)], begun)
    assert begun.report(_CPU) == {"flops/train": _layers(8) * 3 + _layers(3)}
    assert len(counters) == 2, "one of each shape is counted"
    _trained(_Layers(), [_batch(8)], begun)
    assert begun.report(_CPU) == {"flops/train": _layers(8) * 4 + _layers(3)}, "phases add up"
    assert len(counters) == 3, "a phase may do otherwise with the same shape"
    begun.begin()
    assert begun.report(_CPU) == {}, "of the next task"


def test_each_micro_batch_of_a_step_is_counted(begun, counters):
    _trained(_Layers(), [_batch(4) for _ in range(6)], begun, accumulate=3)
    assert begun.report(_CPU) == {"flops/train": _layers(4) * 6} and len(counters) == 1


def test_rows_of_tokens_are_as_long_as_their_longest(begun, counters):
    tokens = torch.tensor([[1, 4, 2, 0, 0, 0], [1, 2, 0, 0, 0, 0]])
    longer = torch.tensor([[1, 2, 0, 0, 0, 0], [1, 4, 4, 4, 2, 0]])
    given = [_batch(2, tokens=one) for one in (tokens, longer, tokens)]
    _trained(_Layers(words=True), given, begun)
    assert begun.report(_CPU) == {"flops/train": 2 * _layers(2 * 3) + _layers(2 * 5)} and len(counters) == 2


def test_of_what_is_compiled_nothing_is_counted(begun, counters):
    method = _Layers()
    _trained(method, [_batch(8)], begun)
    method.first.compile(backend="eager")
    _trained(method, [_batch(8)], begun)
    assert begun.report(_CPU) == {} and len(counters) == 1
    begun.begin()
    _trained(_Layers(), [_batch(8)], begun)
    assert begun.report(_CPU) == {"flops/train": _layers(8)}, "it is known of the next task again"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf")


def _walk(config, shelf, folder):
    reporter = CollectingReporter()
    StreamLoop(config, tiny_stream(config, shelf), folder, reporter, device=_CPU).run()
    return reporter.reports


def _flops(reports):
    return [report.get("flops/train") for report in reports]


# Two tasks of 12 classes, two pictures each, by rows of 128: steps of 10, 10 and 4 rows in 2 epochs. The
# logits of all classes so far are one product, and the rows need no gradient.
_CLIP = {"method.epochs": 2, "method.batch_size": 10}
_BY_HAND = [2 * 2 * (10 + 10 + 4) * 128 * classes * 2 for classes in (12, 24)]


@pytest.fixture
def keeping_last(monkeypatch):
    """Recognition walks with a smaller last batch."""
    monkeypatch.setattr(RecognitionMethod, "phases", _with_last(RecognitionMethod.phases))


def _with_last(phases):
    return lambda self, task: [replace(one, keep_last=True) for one in phases(self, task)]


def test_a_walk_reports_the_sum_over_its_batches(keeping_last, shelf, tmp_path):
    reports = _walk(tiny_config("clip-finetune", **_CLIP), shelf, tmp_path)
    assert _flops(reports) == _BY_HAND
    saved = [json.loads(line) for line in (tmp_path / "tasks.jsonl").read_text().splitlines()]
    assert _flops(saved) == _BY_HAND


@pytest.mark.parametrize("method", ["zero-shot", "ncm", "ranpac", "itr-cca"])
def test_what_takes_no_step_has_none(method, shelf, tmp_path):
    reports = _walk(tiny_config(method), shelf, tmp_path)
    assert len(reports) == 2 and _flops(reports) == [None, None]


def test_a_task_that_is_trained_again_counts_what_was_trained_last(
    keeping_last, shelf, tmp_path, monkeypatch
):
    """As its seconds, which begin anew with the task."""
    config, train = tiny_config("clip-finetune", **_CLIP), StreamLoop._phase

    def dies(self, index, *args):
        waited = train(self, index, *args)
        assert self._flops.report(_CPU) == {"flops/train": _BY_HAND[index]}
        if index:
            raise KeyboardInterrupt
        return waited

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(StreamLoop, "_phase", dies)
        _walk(config, shelf, tmp_path)
    assert _flops(_walk(config, shelf, tmp_path)) == _BY_HAND


_WALKS = {
    "ctp": {},
    "ctp, micro-batches": {"method.micro_batch_size": 3, "run.accumulate": 2},
    "ctp, bf16": {"run.precision": "bf16"},
    "mma": {},
    "clap4clip": {},
    "vqacl": {},
    "triplet": {},
}


@pytest.mark.parametrize("run", _WALKS)
def test_counting_changes_no_bit_of_a_walk(run, shelf, tmp_path, monkeypatch):
    config = tiny_config(run.partition(",")[0], **_WALKS[run])
    counted = _walk(config, shelf, tmp_path / "counted")
    monkeypatch.setattr(StepFlops, "of_phase", lambda self, method: lambda batch: nullcontext())
    plain = _walk(config, shelf, tmp_path / "plain")
    assert None not in _flops(counted) and _flops(plain) == [None, None]
    assert [_others(report) for report in counted] == [_others(report) for report in plain]
    first, second = (checkpoint.load(tmp_path / name, 1).model for name in ("counted", "plain"))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=0, atol=0, equal_nan=True)


def _others(report):
    return {name: value for name, value in report.items() if not name.startswith(("seconds/", "flops/"))}


def test_one_of_each_shape_stands_for_the_others_of_a_method_whose_last_batch_is_smaller(
    shelf, tmp_path, monkeypatch
):
    """MMA's adapters are no single product: each step is counted by itself."""
    config = tiny_config("mma", **{"method.batch_size": 10, "method.last_batch": "keep"})
    each, plain = {}, phase_module._Gradient.add

    def add(self, batches):
        with flop_counter() as counter:
            terms = plain(self, batches)
        each.setdefault(self, []).append(counter.get_total_flops())
        return terms

    counted = _flops(_walk(config, shelf, tmp_path / "a"))
    monkeypatch.setattr(phase_module._Gradient, "add", add)
    monkeypatch.setattr(StepFlops, "of_phase", lambda self, method: lambda batch: nullcontext())
    _walk(config, shelf, tmp_path / "b")
    first, second = each.values()
    assert [sum(first), sum(second)] == counted
    assert first[0] == first[1] > first[2] > 0, "10 rows, 10 and 4"


def _on_a_rank(rank, config, shelf, folder):
    RecognitionMethod.phases = _with_last(RecognitionMethod.phases)
    flops, alone = StepFlops(), StepFlops()
    for one in (flops, alone):
        one.begin()
        _trained(_Layers(), [_batch(8), _batch(3)], one)
    if rank:
        alone._unknown = True
    said = flops.report(_CPU), alone.report(_CPU)
    return said, _flops(_walk(config, shelf, folder))


def test_two_ranks_count_together_and_a_rank_that_does_not_know_leaves_none(shelf, tmp_path):
    config = tiny_config("clip-finetune", **_CLIP)
    tiny_stream(config, shelf)
    (together, walked), (of_other, _) = on_two_ranks(_on_a_rank, config, shelf, tmp_path)
    assert together == of_other == ({"flops/train": 2 * (_layers(8) + _layers(3))}, {})
    assert walked == _BY_HAND, "each rank has half of each batch"
