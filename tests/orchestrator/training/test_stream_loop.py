import copy
import json
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.tables import read_matrix
from orchestrator.execution.worker import _explain
from orchestrator.numerics.diverged import Diverged
from orchestrator.storage import checkpoint
from orchestrator.storage.curve_file import read_curves
from orchestrator.streams.stream import TaskData
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


class _StopAfter(CollectingReporter):
    def __init__(self, tasks: int) -> None:
        super().__init__()
        self._tasks = tasks

    def report(self, metrics):
        super().report(metrics)
        return metrics["task"] < self._tasks


def _run(config, stream, folder, reporter=None):
    reporter = reporter or CollectingReporter()
    status = StreamLoop(config, stream, folder, reporter, device=_CPU).run()
    return status, reporter.reports


@pytest.fixture(scope="module")
def walked(small_config, small_stream, tmp_path_factory):
    """A method -> the configuration, the stream, the folder and the reports of its walk, and how that ended:
    one for all that look at it.
    """
    found = {}

    def walk(method):
        if method not in found:
            config = small_config(method, replay__size=10, replay__policy="herding")
            stream, folder = small_stream(config), tmp_path_factory.mktemp("walk")
            blind = _without(stream, "test", "query", "gallery")
            status, reports = _run(config, blind, folder)
            found[method] = SimpleNamespace(
                config=config, stream=stream, folder=folder, status=status, reports=reports
            )
        return found[method]

    return walk


def _without(stream, *names):
    """The stream, without some of its splits."""
    found = copy.copy(stream)
    found.tasks = [
        TaskData(data.task, {n: split for n, split in data.splits.items() if n not in names})
        for data in stream.tasks
    ]
    return found


def _numbers(reports):
    """What must be equal in runs of the same seed: everything but the clock."""
    return [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in reports]


def test_a_report_says_how_many_parameters_its_task_trained(small_config, small_stream, tmp_path):
    config = small_config("finetune")
    loop = StreamLoop(config, small_stream(config), tmp_path, _StopAfter(1), device=_CPU)
    method, memory = loop._fresh()
    loop._fresh = lambda: (method, memory)
    loop.run()
    (report,) = loop.reporter.reports
    (phase,) = [phase for phase in method.phases(loop.stream.tasks[0].task)]
    trained = {p for group in phase.optimizer().param_groups for p in group["params"] if p.requires_grad}
    assert report["parameters/trained"] == sum(p.numel() for p in trained) > 1000
    assert report["gpus"] == 0.0 and "memory/gpu_bytes" not in report


@pytest.mark.parametrize("method", ["ctp", "finetune", "er", "joint"])
def test_every_method_walks_the_stream_and_reports_each_task(method, walked):
    walk = walked(method)
    reports = walk.reports
    assert walk.status == "finished" and [r["task"] for r in reports] == [1, 2, 3]
    last = reports[-1]
    rows = [last[f"validation/task_{k + 1:02d}/r_mean"] for k in range(3)]
    assert last["validation/average"] == pytest.approx(np.mean(rows))
    assert {
        "validation/forgetting",
        "validation/backward_transfer",
        "validation/seen/txt_r1",
        "train/ita",
    } <= set(last)
    assert all(math.isfinite(v) for report in reports for v in report.values())
    assert last["replay/items"] == 10 and last["replay/bytes"] > 10 * 3 * 32 * 32
    saved = [json.loads(line) for line in (walk.folder / "tasks.jsonl").read_text().splitlines()]
    assert _numbers(saved) == _numbers(reports)
    terms, ends = read_curves(walk.folder / "curves.csv")
    # Two epochs of 48 rows, batches of 16. Joint training walks the tasks before as well, replay by default
    # a batch of the memory after each of the task's.
    tasks = {"joint": [1, 2, 3], "er": [1, 2, 2]}.get(method, [1, 1, 1])
    assert np.diff([0, *ends]).tolist() == [2 * 3 * n for n in tasks] and ends[-1] == len(terms["ita"])


def test_a_trial_of_another_tokenizer_is_neither_gone_on_with_nor_looked_at(
    small_config, small_stream, tmp_path
):
    config = small_config("finetune", method__epochs=1)
    stream, own, other = small_stream(config), {"tokenizer.json": b"{}"}, {"tokenizer.json": b"[]"}
    with_own = StreamLoop(config, stream, tmp_path, _StopAfter(1), device=_CPU, tokenizer=own)
    assert with_own.run() == "stopped"
    with_other = StreamLoop(config, stream, tmp_path, CollectingReporter(), device=_CPU, tokenizer=other)
    with pytest.raises(checkpoint.ForeignCheckpoint):
        with_other.run()
    assert checkpoint.latest(tmp_path, 3, tokenizer=own)[0] == 1
    # Whose fault it is not: the sweep stops, its trials unfinished.
    job = SimpleNamespace(folder=tmp_path, storage=None)
    outcome = _explain(checkpoint.ForeignCheckpoint("x"), job, _CPU, 0.0)
    assert (outcome.status, outcome.reason, outcome.fatal) == ("failed", "x", True)
    with pytest.raises(checkpoint.ForeignCheckpoint):
        final_evaluation(config, stream, tmp_path, _CPU, tokenizer=other)


def test_a_trial_gone_on_with_gives_the_numbers_of_one_undisturbed(walked, tmp_path):
    whole = walked("ctp")
    status, first = _run(whole.config, whole.stream, tmp_path, _StopAfter(2))
    assert status == "stopped" and len(first) == 2
    torch.rand(100)  # what happens in between must not matter
    status, again = _run(whole.config, whole.stream, tmp_path)
    assert status == "finished"
    assert _numbers(again) == _numbers(whole.reports)
    for name, tensor in checkpoint.load(whole.folder, 2).model.items():
        assert torch.equal(tensor, checkpoint.load(tmp_path, 2).model[name]), name


def test_a_trial_gives_the_same_numbers_whatever_ran_before_it(walked, tmp_path):
    first = walked("ctp")
    other = first.config.with_values({"run.seed": 1})
    _, other_seed = _run(other, first.stream, tmp_path / "seed", _StopAfter(1))
    _, second = _run(first.config, first.stream, tmp_path / "second")
    assert _numbers(first.reports) == _numbers(second)
    assert _numbers(other_seed) != _numbers(second)[:1]


def test_a_loss_that_diverges_says_at_which_step(small_config, small_stream, tmp_path):
    config = small_config("finetune", method__learning_rate=1e30, method__min_learning_rate=0.0)
    with pytest.raises(Diverged, match=r"loss term \w+ is (nan|inf) at step \d+ of phase train, task 1"):
        _run(config, small_stream(config), tmp_path)


def test_bf16_trains_to_finite_numbers_near_fp32(walked, tmp_path):
    single = walked("ctp")
    config = single.config.with_values({"run.precision": "bf16"})
    _, half = _run(config, single.stream, tmp_path, _StopAfter(2))  # CTP's terms are all of the second task
    found, wanted = (reports[1]["train/total"] for reports in (half, single.reports))
    assert found == pytest.approx(wanted, rel=0.05) and found != wanted


def test_the_test_splits_are_looked_at_with_the_checkpoints(walked, tmp_path):
    walk = walked("ctp")
    config, stream = walk.config, walk.stream
    shutil.copytree(walk.folder, tmp_path, dirs_exist_ok=True)
    metrics = final_evaluation(config, _without(stream, "validation"), tmp_path, _CPU)
    matrix, names = read_matrix(tmp_path / "test" / "matrix.csv")
    assert matrix.shape == (3, 3) and not np.isnan(matrix).any()
    assert names == [task.task.name for task in stream.tasks]
    assert metrics["test/average"] == pytest.approx(matrix[-1].mean())
    assert {"test/forward_transfer", "test/seen/r_mean", "test/seen/map1", "test/seen/map10"} <= set(metrics)
    assert json.loads((tmp_path / "test" / "metrics.json").read_text()) == metrics
    checkpoint.keep_only(tmp_path, 2)
    with pytest.raises(FileNotFoundError, match="task 1"):
        final_evaluation(config, stream, tmp_path, _CPU)
