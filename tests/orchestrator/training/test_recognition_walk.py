"""Recognition methods through the walk of a trial, in one process, with features and without."""

import copy
import math

import numpy as np
import pytest
import torch

from methods import registry as methods
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.evaluation.final_evaluation import final_evaluation
from orchestrator.features.bank import open_bank, text_features
from orchestrator.features.builder import encode_here
from orchestrator.storage import checkpoint
from orchestrator.storage.curve_file import read_curves
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.stream import TaskData
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")
_SMALL = {
    "stream.name": "shapes-recognition",
    "stream.tasks": 3,
    "stream.train": 4,
    "stream.validation": 2,
    "stream.test": 2,
    "method.backbone.pretrained": "world",
    "run.views": 2,
    "run.device": "cpu",
    "replay.size": 36,
    "replay.policy": "herding",
    "replay.balance_by": "class",
}
_OWN = {
    "clap4clip": {"method.samples": 3, "method.batch_size": 8, "method.epochs": 2, "method.vga_ff": 32},
    "mma": {"method.batch_size": 16, "method.epochs": 4, "method.patience": 1},
    "zero-shot": {},
    "ncm": {},
    "nme": {},
    "slda": {},
    "ranpac": {"method.projection_width": 50},
}


def _config(method, **changes):
    own = _OWN.get(method, {"method.batch_size": 16, "method.epochs": 2})
    changes = {key.replace("__", "."): value for key, value in changes.items()}
    return RunConfig.from_dict({"method.name": method, **_SMALL, **own, **changes})


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    config = _config("clip-er")
    source = streams.get(config.stream_name).load(config.stream, False)
    bank = open_bank(config, source, tmp_path_factory.mktemp("features"), lambda _: None, encode_here)
    return bank.stream(source, False)


def _run(config, stream, folder, reporter=None):
    reporter = reporter or CollectingReporter()
    assert StreamLoop(config, stream, folder, reporter, device=_CPU).run() in ("finished", "stopped")
    return reporter.reports


@pytest.fixture(scope="module")
def walked(stream, tmp_path_factory):
    """A configuration -> the folder and the reports of its undisturbed walk, one for all that look at it."""
    found = {}

    def walk(config):
        asked = str(config.to_dict())
        if asked not in found:
            folder = tmp_path_factory.mktemp("walk")
            found[asked] = folder, _run(config, _without(stream, "test"), folder)
        return found[asked]

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
    return [{k: v for k, v in report.items() if not k.startswith("seconds/")} for report in reports]


@pytest.mark.parametrize(
    "method", [name for name in methods.names() if "recognition" in methods.get(name).scenarios]
)
def test_every_recognition_method_walks_the_stream(method, stream, walked):
    config = _config(method)
    folder, reports = walked(config)
    assert [report["task"] for report in reports] == [1, 2, 3]
    assert all(math.isfinite(value) for report in reports for value in report.values())
    first, last = reports[0], reports[-1]
    assert {"validation/unseen/accuracy", "validation/harmonic_mean", "validation/detection/auroc"} <= set(
        first
    )
    assert "validation/unseen/accuracy" not in last, "nothing is unseen after the last task"
    assert {"validation/seen/ece", "validation/drift/task_03", "validation/forgetting"} <= set(last)
    assert last["replay/items"] == 36
    rows = [last[f"validation/task_{k + 1:02d}/accuracy"] for k in range(3)]
    assert last["validation/average"] == pytest.approx(np.mean(rows))
    tested = final_evaluation(config, _without(stream, "validation"), folder, _CPU)
    assert 0 <= tested["test/over_time/harmonic_mean"] <= 100 and "test/seen/accuracy" in tested
    assert not any(name.startswith("test/over_time/task_") for name in tested)


@pytest.mark.parametrize(
    ("method", "before", "batches"),
    [
        # 12 classes x 4 pictures, and what the memory held before the task.
        ("clap4clip", "adapt", (48 + 36) // 8),
        # As many batches of the memory as of the task.
        ("clip-er", "train", 48 // 8 + 48 // 8),
    ],
)
def test_consolidation_walks_the_memory_that_has_taken_in_the_task(method, before, batches, stream, tmp_path):
    _run(_config(method, method__consolidation_epochs=3, method__batch_size=8), stream, tmp_path)
    rows = (tmp_path / "curves.csv").read_text().splitlines()[1:]
    steps = {(task, phase): 0 for task, phase, *_ in (row.split(",") for row in rows)}
    for row in rows:
        task, phase, _, name, _ = row.split(",")
        steps[task, phase] += name == "cross_entropy"
    tasks = sorted({task for task, _ in steps})
    assert (tasks[0], "consolidate") not in steps
    # Of 24 and of 36 classes seen, the present task's among them, one sample each; batches of 8, three times.
    assert steps[tasks[1], "consolidate"] == 3 * (24 // 8)
    assert steps[tasks[2], "consolidate"] == 3 * (36 // 8)
    assert steps[tasks[0], before] == 2 * (48 // 8) and steps[tasks[1], before] == 2 * batches


def test_the_last_pictures_of_an_epoch_make_a_step_where_they_are_kept(stream, tmp_path):
    """48 pictures of the task and 36 of the memory in batches of 32; the memory alone has 36 at last."""
    config = _config("clap4clip", method__batch_size=32, method__epochs=3)
    for last, adapt, consolidate in (("drop", (1, 2, 2), 1), ("keep", (2, 3, 3), 2)):
        _run(config.with_values({"method.last_batch": last}), stream, tmp_path / last)
        steps = {}
        for row in (tmp_path / last / "curves.csv").read_text().splitlines()[1:]:
            task, phase, _, name, _ = row.split(",")
            if name == "cross_entropy":
                steps[int(task), phase] = steps.get((int(task), phase), 0) + 1
        first = min(task for task, _ in steps)
        assert [steps[first + k, "adapt"] for k in range(3)] == [3 * count for count in adapt]
        assert steps[first + 2, "consolidate"] == 2 * consolidate


def test_consolidation_is_left_out_without_a_memory(stream, tmp_path):
    reports = _run(_config("clap4clip", replay__size=0), stream, tmp_path)
    assert len(reports) == 3 and "consolidate" not in (tmp_path / "curves.csv").read_text()


_CONSOLIDATED = {
    "method.replay": "weighted",
    "method.consolidation_epochs": 2,
    "method.logit_scale": "learnt",
}


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("clap4clip", {}),
        ("clap4clip", {"method.half_precision": True, "method.last_batch": "keep"}),
        ("mma", {}),
        ("clip-er", _CONSOLIDATED),
        ("clip-er", {}),
        ("clip-ewc", {}),
        ("clip-lwf", {}),
        ("clip-derpp", {"method.replay": "weighted", "method.consolidation_epochs": 2}),
        ("clip-derpp", {}),
        ("clip-icarl", {}),
        ("nme", {}),
        ("ranpac", {}),
    ],
)
def test_a_trial_goes_on_from_its_last_task_with_the_numbers_of_an_undisturbed_run(
    method, values, stream, walked, tmp_path
):
    class Dies(CollectingReporter):
        def report(self, metrics):
            if metrics["task"] == 3:
                raise KeyboardInterrupt
            return super().report(metrics)

    config = _config(method, **values)
    _, whole = walked(config)
    with pytest.raises(KeyboardInterrupt):
        _run(config, stream, tmp_path, Dies())
    again = _run(config, stream, tmp_path)
    assert _numbers(again) == _numbers(whole)


@pytest.mark.parametrize(
    ("method", "counts"),
    # The memory has six places for a class, then three, then two; a class has four pictures.
    [("ncm", [4, 4, 4]), ("nme", [4, 3, 2]), ("clip-icarl", [4, 3, 2])],
)
def test_a_pass_shows_each_sample_once(method, counts, stream, tmp_path):
    """Of the task: its four pictures of each class. Of the memory: what it has of each class by then."""
    config = _config(method, replay__size=72, run__eval_batch_size=5)
    _run(config, stream, tmp_path)
    split = [data.splits["train"] for data in stream.tasks]
    feature, label = (np.concatenate([getattr(s, n) for s in split]) for n in ("feature", "label"))
    for task, count in enumerate(counts):
        saved = checkpoint.load(tmp_path, task)
        classes = 12 * task + 12
        found = saved.model["counts"].tolist()
        assert found == [count] * classes + [0] * (len(found) - classes)
        rows = np.arange(48 * task + 48) if method == "ncm" else saved.memory["rows"]
        assert np.bincount(label[rows]).tolist() == [count] * classes
        shown = torch.from_numpy(feature[rows].astype(np.float64))
        if method == "clip-icarl":  # as the task's adapter has them, whatever they were before
            made = methods.get(method)(config.method, stream.spec)
            made.load_state_dict(saved.model)
            shown = made.adapted(shown.float(), range(1))[0].detach().double()
        wanted = np.zeros(saved.model["sums"].shape)
        np.add.at(wanted, label[rows], shown.numpy())
        exact = 1e-12 if method != "clip-icarl" else 1e-5
        np.testing.assert_allclose(saved.model["sums"].numpy(), wanted, rtol=exact, atol=exact)


def test_features_and_pixels_give_the_same_metrics(stream, walked, tmp_path):
    config = _config("clap4clip")
    _, cached = walked(config)
    source = streams.get(config.stream_name).load(config.stream, False)
    pixels = prepare(source, text_features(config, source))
    encoded = _run(config.with_values({"run.feature_cache": False}), pixels, tmp_path)
    for one, two in zip(_numbers(cached), _numbers(encoded), strict=True):
        assert one.keys() == two.keys()
        one.pop("replay/bytes"), two.pop("replay/bytes")
        assert two == pytest.approx(one, rel=1e-3), "accuracies, too"


def test_a_stream_that_holds_nothing_out_is_trained_on_as_any_other_and_tested(stream, walked, tmp_path):
    config, bare = _config("clap4clip"), _without(stream, "validation")
    assert stream.holds_out and not bare.holds_out
    reports, (held, others) = _run(config, bare, tmp_path), walked(config)
    for report, other in zip(_numbers(reports), _numbers(others), strict=True):
        assert report == {k: v for k, v in other.items() if not k.startswith("validation/")}
        assert {"task", "train/cross_entropy", "replay/items"} <= set(report)
    tested = final_evaluation(config, bare, tmp_path, _CPU)
    assert tested == final_evaluation(config, stream, held, _CPU)


def test_patience_has_nothing_to_go_by_where_nothing_is_held_out(stream, tmp_path):
    with pytest.raises(UserError, match="^phase train has patience 1, which needs validation data, and the"):
        _run(_config("mma"), _without(stream, "validation"), tmp_path)
    _run(_config("mma", method__patience=0), _without(stream, "validation"), tmp_path / "none")


def test_patience_ends_a_phase_early_and_brings_back_the_weights_that_validated_best(
    stream, tmp_path, monkeypatch
):
    validate, epochs = StreamLoop._validate, []

    def look(loop, method, rows):
        score = validate(loop, method, rows)
        state = {name: tensor.clone() for name, tensor in method.state_dict().items()}
        epochs.append((len(rows), score, state))
        return score

    monkeypatch.setattr(StreamLoop, "_validate", look)
    config = _config("mma", method__epochs=40, method__patience=2, method__learning_rate=0.05)
    _run(config, stream, tmp_path)
    _, ends = read_curves(tmp_path / "curves.csv")
    for task, steps in enumerate(np.diff([0, *ends])):
        rows = 48 + (0, 36, 24)[task]  # the memory's join: three a class, then one
        mine, epochs[:] = epochs[: steps // (rows // 16)], epochs[steps // (rows // 16) :]
        assert {count for count, *_ in mine} == {rows}
        scores = [score for _, score, _ in mine]
        best = int(np.argmax(scores))  # the first of equals
        assert len(scores) == best + 3 < 40, "two epochs more, none of them better"
        saved = checkpoint.load(tmp_path, task).model
        assert saved.keys() == mine[best][2].keys()
        for name, tensor in saved.items():
            assert torch.equal(tensor, mine[best][2][name]), name
        assert any(not torch.equal(tensor, mine[-1][2][name]) for name, tensor in saved.items())
    assert not epochs


def test_a_model_that_never_changes_forgets_nothing_among_a_tasks_own_classes(stream, walked):
    config = _config("zero-shot")
    folder, reports = walked(config)
    tested = final_evaluation(config, stream, folder, _CPU)
    for found, split in ((reports[-1], "validation"), (tested, "test")):
        assert found[f"{split}/task_aware_forgetting"] == 0
        assert found[f"{split}/forgetting"] > 0, "the candidates grow"
    assert "validation/task_aware_forgetting" not in reports[0]


@pytest.mark.parametrize("head", ["linear", "adapter"])
@pytest.mark.parametrize(
    ("method", "plain", "off"),
    [
        ("clip-ewc", "clip-finetune", {"method.ewc_weight": 0}),
        ("clip-lwf", "clip-finetune", {"method.lwf_weight": 0}),
        ("clip-derpp", "clip-er", {"method.derpp_alpha": 0, "method.derpp_beta": 1}),
    ],
)
def test_at_zero_strength_a_baselines_numbers_are_those_it_stands_on(
    method, plain, off, head, stream, walked, tmp_path
):
    how = {"method.head": head, "method.logit_scale": "learnt"}
    wanted = _numbers(walked(_config(plain, **how))[1])
    found = _numbers(_run(_config(method, **how, **off), stream, tmp_path))
    on = _numbers(walked(_config(method, **how))[1])
    for one, two, three in zip(found, wanted, on, strict=True):
        one.pop("replay/bytes"), two.pop("replay/bytes"), three.pop("replay/bytes")
    assert found == wanted
    assert on[0] == wanted[0], "the first task has nothing to keep"
    assert on[1]["train/cross_entropy"] != wanted[1]["train/cross_entropy"]


def test_derpp_stores_a_pictures_logits_as_it_comes_in_and_counts_their_bytes(stream, tmp_path):
    reports = _run(_config("clip-derpp", replay__policy="reservoir"), stream, tmp_path / "derpp")
    plain = _run(_config("clip-er", replay__policy="reservoir"), stream, tmp_path / "er")
    before = {}
    for task, (report, without) in enumerate(zip(reports, plain, strict=True)):
        saved = checkpoint.load(tmp_path / "derpp", task)
        rows, kept = saved.memory["rows"], saved.memory["kept"]
        np.testing.assert_array_equal(rows, checkpoint.load(tmp_path / "er", task).memory["rows"])
        classes = 12 * (task + 1)
        assert kept.shape == (36, classes) and kept.dtype == np.float32
        assert report["replay/bytes"] - without["replay/bytes"] == 36 * classes * 4
        feature = np.concatenate([data.splits["train"].feature for data in stream.tasks])
        weight = saved.model["weight"][:classes].numpy()
        scale = stream.spec.scale
        for row, values in zip(rows.tolist(), kept, strict=True):
            if row in before:
                old = before[row]
                np.testing.assert_array_equal(values[: len(old)], old)
                assert np.isnan(values[len(old) :]).all()
            else:
                logits = scale * weight @ feature[row].astype(np.float32)
                logits /= np.linalg.norm(weight, axis=1)
                np.testing.assert_allclose(values, logits, rtol=1e-3, atol=1e-3)
        before |= {row: values[~np.isnan(values)] for row, values in zip(rows.tolist(), kept, strict=True)}
