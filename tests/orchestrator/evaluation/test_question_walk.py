"""Methods of visual question answering through the walk of a trial, in one process."""

import copy
import math

import numpy as np
import pytest
import torch

from orchestrator.config import RunConfig
from orchestrator.data.loader import eval_batches
from orchestrator.data.row_reader import RowReader
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.kept_predictions import COLUMNS, parse_predictions
from orchestrator.evaluation.protocol import validation_metrics
from orchestrator.features.builder import encode_here
from orchestrator.features.query_bank import open_query_bank
from orchestrator.storage import checkpoint
from orchestrator.storage.curve_file import read_curves
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import TaskData
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_STREAM = {
    "stream.name": "shapes-vqa",
    "stream.tokenizer": "world",
    "stream.train": 8,
    "stream.validation": 2,
    "stream.test": 2,
}
_T5 = {
    "method.backbone.size": "small",
    "method.backbone.width": 32,
    "method.backbone.layers": 1,
    "method.batch_size": 8,
    "method.epochs": 2,
    "method.beams": 2,
    "replay.size": 40,
    "replay.policy": "balanced",
    "replay.balance_by": "group",
}
_PROMPTS = {
    "method.backbone.size": "world",
    "method.batch_size": 8,
    "method.epochs": 1,
    "method.general_layers": [0, 1],
    "method.task_layers": [1, 2, 3],
    "method.learning_rate": 1e-2,
    "replay.size": 20,
    "stream.setting": "con-ls",
    "stream.train": 4,
}
_TASKS = 3


def _config(method, **changes):
    own = _T5 if method.startswith("vqa") else _PROMPTS
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    return RunConfig.from_dict(
        {"method.name": method, **_STREAM, "stream.tasks": _TASKS, "run.device": "cpu", **own, **changes}
    )


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A configuration -> the source and the stream, one for all that ask for the same."""
    found = {}

    def load(config):
        asked = (config.stream_name, config.stream)
        if asked not in found:
            found[asked] = _load(config, tmp_path_factory.mktemp("t"))
        return found[asked]

    return load


@pytest.fixture(scope="module")
def walk(load, tmp_path_factory):
    """A method -> the folder and the reports of its walk, one for all that look at it."""
    found = {}

    def walk(method):
        if method not in found:
            config, folder = _config(method), tmp_path_factory.mktemp("walk")
            found[method] = folder, _run(config, _without(load(config)[1], "test"), folder)
        return found[method]

    return walk


def _load(config, folder):
    source = streams.get(config.stream_name).load(config.stream, False)
    return source, prepare(source, fit_tokenizer(source, config.stream, folder / "tokenizer"))


def _nobody(encoder, chunks):
    raise AssertionError("encoded anew")
    yield


def _run(config, stream, folder, reporter=None):
    reporter = reporter or CollectingReporter()
    StreamLoop(config, stream, folder, reporter, device=_CPU).run()
    return reporter.reports


def _without(stream, *names):
    """The stream, without some of its splits."""
    found = copy.copy(stream)
    found.tasks = [
        TaskData(data.task, {n: split for n, split in data.splits.items() if n not in names})
        for data in stream.tasks
    ]
    return found


def _numbers(reports):
    return [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in reports]


class _StopAfter(CollectingReporter):
    def report(self, metrics):
        super().report(metrics)
        return metrics["task"] < 2


@pytest.mark.parametrize(
    "method",
    ["vqacl", "vqa-finetune", "vqa-er", "vqa-joint", "triplet", "l2p", "dualprompt"]
    + ["triplet-finetune", "triplet-er", "triplet-joint"],
)
def test_every_method_walks_a_stream_of_questions(method, load, walk):
    config = _config(method)
    _, stream = load(config)
    folder, reports = walk(method)
    assert [report["task"] for report in reports] == [1, 2, 3]
    assert all(math.isfinite(value) for report in reports for value in report.values())
    last = reports[-1]
    rows = [last[f"validation/task_{k + 1:02d}/accuracy"] for k in range(_TASKS)]
    assert last["validation/average"] == last["validation/vqacl/ap"] == pytest.approx(np.mean(rows))
    assert {"vqacl/forget", "triplet/forgetting", "group/animals"} <= set(validation_metrics(last))
    names = {name.removeprefix("validation/kind/") for name in last if "/kind/" in name}
    assert names == {stream.tables.kinds[k] for t in stream.tasks for k in t.splits["test"].questions.kind}
    tested = final_evaluation(config, _without(stream, "validation"), folder, _CPU)
    assert tested["test/average"] == pytest.approx(tested["test/vqacl/ap"])
    by_key = method in ("triplet", "l2p", "dualprompt")
    assert ("test/recognition/image" in tested) == by_key
    kept = parse_predictions((folder / "test" / "predictions.npz").read_bytes(), "predictions.npz")
    assert set(kept) == set(COLUMNS["vqa"])
    assert 100 * kept["score"].mean() == tested["test/seen/accuracy"]
    for number in np.unique(kept["kind"]):
        of_kind = 100 * kept["score"][kept["kind"] == number].mean()
        assert of_kind == tested[f"test/kind/{stream.tables.kinds[number]}"]
    assert (kept["score"][kept["answer"] < 0] == 0).all(), "what is none of the answers is worth nothing"


@pytest.mark.parametrize("method", ["vqacl", "triplet"])
def test_a_trial_gone_on_with_gives_the_numbers_of_one_undisturbed(method, load, walk, tmp_path):
    config = _config(method)
    _, stream = load(config)
    folder, whole = walk(method)
    _run(config, stream, tmp_path, _StopAfter())
    torch.rand(100)
    again = _run(config, stream, tmp_path)
    assert _numbers(again) == _numbers(whole)
    for name, tensor in checkpoint.load(folder, 2).model.items():
        assert torch.equal(tensor, checkpoint.load(tmp_path, 2).model[name]), name


def test_groups_are_learnt_one_after_another_and_each_step_is_followed_by_one_on_the_memory(load, walk):
    _, stream = load(_config("vqacl"))
    folder, _ = walk("vqacl")
    terms, ends = read_curves(folder / "curves.csv")
    # Eight questions a group and task, a batch of eight: a step an epoch and group, and as many on memory.
    first = 5 * 2
    assert np.diff([0, *ends]).tolist() == [first, 2 * first, 2 * first]
    assert len(terms["answer"]) == 5 * first
    orders = [data.task.groups for data in stream.tasks]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders) and len(set(orders)) > 1
    kept = checkpoint.load(folder, 2).memory["rows"]
    groups = stream.group_of(RowReader(stream).labels(kept))
    cells = np.bincount(5 * stream.task_of(kept) + groups, minlength=15)
    assert cells.sum() == 40 and cells.min() >= 2 and cells.max() <= 3


def test_a_group_held_out_is_trained_on_in_the_first_task_alone(load, tmp_path):
    config = _config("vqa-finetune", stream__setting="novel-composition", stream__held_out=2)
    _, stream = load(config)
    for data in stream.tasks:
        train, test = (stream.group_of(data.splits[name].label) for name in ("train", "test"))
        assert (2 in train) == (2 in data.task.groups) == (data.task.index == 0) and 2 in test
    reports = _run(config, stream, tmp_path)
    assert "validation/novel/accuracy" not in reports[0]
    assert {"validation/novel/accuracy", "validation/vqacl/novel_ap"} <= set(reports[-1])
    assert "test/novel/accuracy" in final_evaluation(config, stream, tmp_path, _CPU)


def test_queries_encoded_once_give_the_numbers_of_queries_computed_each_step(load, walk, tmp_path):
    config = _config("triplet")
    source, stream = load(config)
    said = []
    bank = open_query_bank(config, source, stream, tmp_path / "features", said.append, encode_here)
    encoded = bank.stream(stream)
    assert any("encoding" in line for line in said)
    batch = next(iter(eval_batches(encoded.tasks[1].splits["test"], batch_size=4)))
    assert batch.image is not None and batch.feature.shape[:2] == (4, 3)
    with_bank = _run(config, encoded, tmp_path / "bank")
    _, without = walk("triplet")
    for mine, theirs in zip(_numbers(with_bank), _numbers(without), strict=True):
        mine.pop("replay/bytes"), theirs.pop("replay/bytes")
        assert mine.pop("flops/train") < theirs.pop("flops/train"), "in each step the queries are counted too"
        assert mine == pytest.approx(theirs, rel=1e-4)
    said.clear()
    open_query_bank(config, source, stream, tmp_path / "features", said.append, encode_here)
    assert "found in" in said[0]
    other = _config("triplet", stream__max_tokens=36)
    with pytest.raises(AssertionError, match="encoded anew"):
        open_query_bank(other, *_load(other, tmp_path), tmp_path / "features", said.append, _nobody)
