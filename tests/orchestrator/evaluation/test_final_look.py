"""The numbers of the one look at test data: which model, which split, which seed."""

import copy
import json

import numpy as np
import pytest
import torch

from methods.registry import get as get_method
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.evaluation import final_evaluation as look
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.evaluation.kept_predictions import COLUMNS, parse_predictions
from orchestrator.evaluation.scenarios import evaluate, evaluation_of
from orchestrator.evaluation.tables import read_matrix, read_table
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.metrics.recognition import calibration_error
from orchestrator.seeding import seed_everything
from orchestrator.storage import checkpoint, trial_files
from orchestrator.streams import registry as streams
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


def _fresh(config, stream):
    """The method as a run of this configuration makes it."""
    seed_everything(config.run.seed)
    return get_method(config.method_name)(config.method, stream.spec)


def _scores(config, stream, folder):
    """The test scores of the model after each task, and of the untrained model."""
    tasks, how = len(stream.tasks), evaluation_of(config, stream, _CPU)
    method = _fresh(config, stream)
    baseline = copy.deepcopy(evaluate(method, stream, "test", tasks=tasks, seen=0, how=how))
    found = []
    for task in range(tasks):
        method.load_state_dict(checkpoint.load(folder, task).model)
        found.append(evaluate(method, stream, "test", tasks=tasks, seen=task + 1, how=how))
    return baseline, found


@pytest.fixture(scope="module")
def retrieval(small_config, small_stream, tmp_path_factory):
    """A trial that has walked its stream: configuration, stream, folder."""
    config = small_config("finetune", stream__test=24, method__learning_rate=3e-3, run__seed=7)
    stream, folder = small_stream(config), tmp_path_factory.mktemp("retrieval")
    StreamLoop(config, stream, folder, CollectingReporter(), device=_CPU).run()
    return config, stream, folder


@pytest.fixture(scope="module")
def looked_at(retrieval):
    config, stream, folder = retrieval
    torch.manual_seed(12345)  # whatever the process drew before
    metrics = final_evaluation(config, stream, folder, _CPU)
    return metrics, read_matrix(folder / "test" / "matrix.csv")[0]


def test_row_t_is_the_model_after_task_t_on_the_test_split_of_every_task(retrieval, looked_at):
    _, found = _scores(*retrieval)
    expected = np.array([scores.by_task for scores in found])
    assert looked_at[1] == pytest.approx(expected)
    assert len({tuple(row) for row in expected.tolist()}) == 3, "the models differ"
    config, stream, folder = retrieval
    method = _fresh(config, stream)
    method.load_state_dict(checkpoint.load(folder, 2).model)
    how = evaluation_of(config, stream, _CPU)
    validation = evaluate(method, stream, "validation", tasks=3, seen=3, how=how)
    assert validation.by_task.tolist() != pytest.approx(expected[2].tolist()), "the splits differ"


def test_the_metrics_are_of_the_last_model_over_all_tasks(retrieval, looked_at):
    metrics, matrix = looked_at
    last = _scores(*retrieval)[1][-1]
    assert {f"test/{name}": value for name, value in last.metrics.items()}.items() <= metrics.items()
    assert metrics["test/average"] == pytest.approx(matrix[2].mean())
    assert metrics["test/backward_transfer"] == pytest.approx((matrix[2] - matrix.diagonal())[:2].mean())
    assert metrics["test/forgetting"] == pytest.approx(
        (matrix[:2].max(0) - matrix[2])[0] / 2 + (matrix[1, 1] - matrix[2, 1]) / 2
    )


def test_forward_transfer_is_over_the_untrained_model_of_the_runs_seed(retrieval, looked_at):
    config, stream, folder = retrieval
    metrics, matrix = looked_at
    baseline, _ = _scores(config, stream, folder)
    expected = np.mean([matrix[k - 1, k] - baseline.by_task[k] for k in (1, 2)])
    assert metrics["test/forward_transfer"] == pytest.approx(expected)
    other, _ = _scores(config.with_values({"run.seed": 8}), stream, folder)
    assert other.by_task.tolist() != baseline.by_task.tolist(), "another seed is another untrained model"


def _unions(config, stream, folder, task, tasks):
    """R_m and mAP@1, in both readings, of the model after ``task`` over the union of the first ``tasks``,
    as if these were the stream.
    """
    method = _fresh(config, stream)
    method.load_state_dict(checkpoint.load(folder, task).model)
    how = evaluation_of(config, stream, _CPU)
    found = evaluate(method, stream, "test", tasks=tasks, seen=tasks, how=how).metrics
    return [found[f"seen/{name}"] for name in ("r_mean", "map1", "map1_reference")]


def test_ctps_bwt_sets_each_checkpoint_beside_the_last_one_on_its_own_union(retrieval, looked_at):
    metrics, _ = looked_at
    own = np.array([_unions(*retrieval, k, k + 1) for k in range(3)])
    last = np.array([_unions(*retrieval, 2, k + 1) for k in range(3)])
    for which, expected in (("own", own), ("last", last)):
        for j, name in enumerate(("r_mean", "map1", "map1_reference")):
            told = [metrics[f"test/ctp/{which}/task_0{k}/{name}"] for k in (1, 2, 3)]
            assert told == pytest.approx(expected[:, j])
    assert not np.isclose(own[:2], last[:2]).all(0).any(), "the models differ"
    told = [metrics[f"test/ctp/{name}"] for name in ("bwt", "bwt_map1", "bwt_map1_reference")]
    assert told == pytest.approx(((own - last).sum(0) / 2).tolist())
    table = read_table(retrieval[2] / "test" / "checkpoints.csv", "tasks up to")
    assert list(table.rows) == [task.task.name for task in retrieval[1].tasks]
    assert table.values[:, list(table.columns).index("R_m, last model")] == pytest.approx(last[:, 0])
    assert table.values[2, list(table.columns).index("BWT R_m")] == pytest.approx(told[0])


def _kept(folder):
    return parse_predictions((folder / "test" / "predictions.npz").read_bytes(), "predictions.npz")


def test_recall_follows_to_the_digit_from_the_ranks_that_are_kept(retrieval, looked_at):
    metrics, kept = looked_at[0], _kept(retrieval[2])
    assert set(kept) == set(COLUMNS["retrieval"])
    assert kept["task"].tolist() == [0] * 24 + [1] * 24 + [2] * 24, "the pairs of all tasks, task by task"
    for way in ("txt", "img"):
        for k in (1, 5, 10):
            hit = ((k + 1 - kept[f"{way}_rank"]) / kept[f"{way}_tied"]).clip(0, 1)
            assert 100 * hit.mean() == metrics[f"test/seen/{way}_r{k}"]
    assert kept["txt_rank"].max() > 24, "among the candidates of all tasks"


def test_a_second_look_finds_the_same_numbers(retrieval, looked_at):
    config, stream, folder = retrieval
    torch.manual_seed(54321)
    assert final_evaluation(config, stream, folder, _CPU) == looked_at[0]
    assert json.loads((folder / "test" / "metrics.json").read_text()) == looked_at[0]


def test_a_look_that_is_cut_short_has_not_been(retrieval, monkeypatch):
    config, stream, folder = retrieval
    (folder / "test" / "metrics.json").unlink(missing_ok=True)
    monkeypatch.setattr(look, "write_matrix", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        final_evaluation(config, stream, folder, _CPU)
    assert trial_files.tested_in(folder) == {}, "metrics.json says that all the rest is there"


def test_a_look_takes_no_other_trials_checkpoints_and_misses_none(retrieval, tmp_path):
    config, stream, folder = retrieval
    with pytest.raises(UserError, match="is a checkpoint of another trial"):
        final_evaluation(config, stream, folder, _CPU, {"trial": "another"})
    with pytest.raises(FileNotFoundError, match="no whole checkpoint of task 1 to test"):
        final_evaluation(config, stream, tmp_path, _CPU)


def test_what_only_earlier_models_have_is_the_mean_over_them(tmp_path):
    config = RunConfig.from_dict(
        {
            "method.name": "zero-shot",
            "stream.name": "shapes-recognition",
            "stream.tasks": 3,
            "stream.train": 1,
            "stream.validation": 1,
            "stream.test": 2,
            "method.backbone.pretrained": "random",
            "run.views": 1,
        }
    )
    source = streams.get(config.stream_name).load(config.stream, False)
    stream = open_bank(config, source, tmp_path, lambda line: None, encode_here).stream(source, False)
    StreamLoop(config, stream, tmp_path / "trial", CollectingReporter(), device=_CPU).run()
    metrics = final_evaluation(config, stream, tmp_path / "trial", _CPU)
    _, found = _scores(config, stream, tmp_path / "trial")
    names = ("unseen/accuracy", "harmonic_mean", "detection/auroc", "detection/fpr95")
    first, second, last = ([scores.metrics.get(name) for name in names] for scores in found)
    assert last == [None] * 4 and first[2] != second[2]
    told = [metrics[f"test/over_time/{name}"] for name in names]
    assert told == pytest.approx([(one + other) / 2 for one, other in zip(first, second, strict=True)])
    assert not {f"test/{name}" for name in names} & set(metrics)
    kept = _kept(tmp_path / "trial")
    assert set(kept) == set(COLUMNS["recognition"])
    assert np.bincount(kept["task"]).tolist() == [len(task.splits["test"]) for task in stream.tasks]
    assert kept["label"].tolist() == [k for task in stream.tasks for k in task.splits["test"].label.tolist()]
    right = kept["label"] == kept["predicted"]
    assert 100 * right.mean() == metrics["test/seen/accuracy"] < 100
    assert calibration_error(kept["confidence"], right) == metrics["test/seen/ece"]
    by_task = [100 * right[kept["task"] == k].mean() for k in range(3)]
    assert by_task == read_matrix(tmp_path / "trial" / "test" / "matrix.csv")[0][-1].tolist()


def test_the_figures_say_whose_they_are(retrieval, tmp_path, monkeypatch):
    config, stream, folder = retrieval
    load, asked = checkpoint.load, []
    monkeypatch.setattr(
        checkpoint, "load", lambda _, task, *of: asked.append((task, *of)) or load(folder, task)
    )
    stamp = {"run": "r", "trial": "t"}
    found = final_evaluation(config, stream, tmp_path, _CPU, stamp)
    assert asked == [(task, stamp, None) for task in range(3)]
    assert json.loads((tmp_path / "test" / "metrics.json").read_text()) == {"stamp": stamp, **found}
