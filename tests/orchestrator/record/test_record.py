"""What a whole command leaves in MLflow and says at its end. Its trials are played: nothing is trained."""

import concurrent.futures
import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mlflow import MlflowClient

from orchestrator import compare, sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.execution.job import Outcome
from orchestrator.record import figure_worker, open_tracker
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource

_TASKS = 2
_TESTED = {0: 60.0, 1: 64.0, 2: 65.0}  # seed -> test average
_RATES = {1: 0.001, 2: 0.00030000000000000003, 3: 0.002}  # trial -> learning rate


class _Lanes:
    """What a session is to a run: jobs are played, the later ones first."""

    interrupted_at: str | None = None
    failed_at: str | None = None

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, jobs, on_start=lambda _: None, on_report=lambda *_: None, on_end=lambda *_: None, go=None):
        for job in [*jobs][::-1]:
            on_start(job)
            if job.id == self.interrupted_at:
                raise KeyboardInterrupt
            if job.id == self.failed_at:
                on_end(job, Outcome("failed", "a loss is nan"))
                continue
            if job.kind == "train":
                for task in (1, 2):
                    on_report(job, _report(task, 50.0 + job.values["run.seed"]))
                job = on_end(job, Outcome("finished"))
            found = _look_at_test(job)
            on_end(job, Outcome("finished", metrics=found))


def _report(task, value):
    tasks = {f"validation/task_{k:02d}/accuracy": value for k in range(1, task + 1)}
    last = {"validation/average": value, "validation/forgetting": -3.553e-15 if task > 1 else 0.0}
    return {"task": task, **tasks, **last, "replay/bytes": 5, "seconds/train": 1.0}


def _look_at_test(job):
    average = _TESTED[job.values.get("run.seed", 0)]
    found = {"test/average": average, "test/seen/ece": 3.0, "test/drift/angle": 40.0}
    (job.folder / "test").mkdir(parents=True)
    (job.folder / "test" / "metrics.json").write_text(json.dumps({"stamp": job.stamp, **found}))
    (job.folder / "test" / "matrix.png").write_text("drawn")
    return found


def _search(run, space, session, recorder, trials, spending=None):
    """Three trials: the second is the best, the third is stopped, and begins first."""
    for number in (3, 1, 2):
        recorder.propose(f"t{number}", {"method.learning_rate": _RATES[number]}, number - 1)
    for number in (3, 1, 2):
        recorder.start(f"t{number}", {"method.learning_rate": _RATES[number]}, number - 1)
        for task in (1, 2)[: 1 if number == 3 else 2]:
            recorder.task(f"t{number}", _report(task, {1: 50.0, 2: 55.0, 3: 90.0}[number]))
        if _Lanes.interrupted_at != f"t{number}":
            recorder.end(f"t{number}", "stopped" if number == 3 else "finished")
    return "interrupted" if _Lanes.interrupted_at else "finished"


@pytest.fixture
def record(monkeypatch, tmp_path, with_tables):
    """Answers, of a command's arguments: its exit status, the parent, the trials by their ids, and what it
    said last."""
    for module in (sweep_run, train_run):
        monkeypatch.setattr(module, "Session", _Lanes)
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(_Lanes, "interrupted_at", None)
    monkeypatch.setattr(_Lanes, "failed_at", None)
    monkeypatch.setattr(sweep_run, "search", _search)
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.setattr(open_tracker, "environment_tags", dict)
    monkeypatch.setattr(figure_worker.FigureWorker, "_submit", _drawn)
    monkeypatch.chdir(with_tables(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def run(main, *arguments):
        status = main(["clip-finetune", "--stream", "digits", "--name", "s", *arguments])
        client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
        (experiment,) = [e for e in client.search_experiments() if e.name == "digits"]
        runs = {r.data.tags.get("trial", ""): r for r in client.search_runs([experiment.experiment_id])}
        parent = runs.pop("")
        folders, files = [None], set()
        for folder in folders:
            there = client.list_artifacts(parent.info.run_id, folder)
            folders += [file.path for file in there if file.is_dir]
            files |= {file.path for file in there if not file.is_dir}
        return SimpleNamespace(
            status=status,
            parent=parent.data,
            trials=runs,
            files=files,
            text=lambda path: Path(client.download_artifacts(parent.info.run_id, path)).read_text(),
            experiment=experiment,
            search=lambda words: {
                run.data.tags["trial"] for run in client.search_runs([experiment.experiment_id], words)
            },
        )

    return run


def _drawn(self, draw, args):
    future = concurrent.futures.Future()
    future.set_result([args[0] / "matrix.png"])
    (args[0] / "matrix.png").write_text("drawn")
    return future


def _source():
    def split():
        pictures = ArrayPictures(np.zeros((3, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(3, np.int32), ["a", "b", "c"])

    tasks = [
        TaskSource(f"t{k}", {name: split() for name in ("train", "validation", "test")}, range(k, k + 1))
        for k in range(_TASKS)
    ]
    return StreamSource("digits", "recognition", 2, list("ab"), tasks, "none", "same", templates=("{}",))


def test_the_parent_of_seeds_has_their_means_and_deviations_and_no_single_seed(record, capsys):
    found = record(train.main, "--seeds", "0", "1", "2")
    assert found.status == 0
    parent = found.parent
    assert (parent.params["seeds"], parent.tags["seeds"], parent.tags["kind"]) == ("0 1 2", "0 1 2", "train")
    assert "run.seed" not in parent.params and "seed" not in parent.tags
    assert parent.metrics == pytest.approx(
        {
            "test/average": 63.0,
            "test_deviation/average": 7**0.5,
            "walk/test/seen/ece": 3.0,
            "walk/test_deviation/seen/ece": 0.0,
            "walk/test/drift/angle": 40.0,
            "walk/test_deviation/drift/angle": 0.0,
        }
    )
    assert {"config.yaml", "train.yaml", "trials.txt"} <= found.files
    assert {f"test/seed_{seed}/matrix.png" for seed in (0, 1, 2)} <= found.files
    note = parent.tags["mlflow.note.content"]
    assert "clip-finetune on digits, seed 0, 1, 2. 3 finished." in note
    assert "| measure | mean | sample standard deviation | unit |" in note
    assert "| average | 63.00 | 2.65 | % |" in note and "| drift/angle | 40.00 | 0.00 | degrees |" in note
    said = capsys.readouterr().out
    assert "  average                    63.00 +- 2.65 %\n" in said
    assert "  drift/angle                40.00 +- 0.00 degrees\n" in said


def _view(experiment):
    (view,) = (value for tag, value in experiment.tags.items() if "sharedViewState" in tag)
    return json.loads(json.loads(view)["state"])


def test_the_page_of_seeds_has_all_fixed_configurations_of_the_stream_and_groups_them(record):
    found = record(train.main, "--seeds", "2", "0")
    state = _view(found.experiment)
    assert state["useGroupedValuesInCharts"] is True
    assert state["groupBy"] == {
        "aggregateFunction": "average",
        "groupByKeys": [
            {"mode": "tag", "groupByData": "method"},
            {"mode": "tag", "groupByData": "configuration"},
        ],
    }
    assert found.search(state["searchFilter"]) == {"seed_0", "seed_2"}
    assert len({run.data.tags["configuration"] for run in found.trials.values()}) == 1


def test_the_page_of_a_search_has_its_own_trials_one_by_one(record):
    found = record(sweep.main)
    state = _view(found.experiment)
    assert "groupBy" not in state and found.search(state["searchFilter"]) == {"t1", "t2", "t3"}
    assert found.search("tags.kind = 'trial' AND tags.of = 'train'") == set()
    assert len({run.data.tags["configuration"] for run in found.trials.values()}) == 3


def test_trials_of_seeds_are_named_by_method_seed_and_order_and_numbered_as_they_were_given(record, capsys):
    found = record(train.main, "--seeds", "2", "0", "1")
    names = {trial: run.info.run_name for trial, run in found.trials.items()}
    assert names == {f"seed_{seed}": f"clip-finetune seed={seed} order=0" for seed in (0, 1, 2)}
    assert {r.data.tags["order"] for r in found.trials.values()} == {"0"}
    said = capsys.readouterr().out
    assert said.index("trial 3/3 starts  run.seed=1") < said.index("trial 1/3 starts  run.seed=2")
    assert {t: r.data.tags["seed"] for t, r in found.trials.items()} == {
        "seed_0": "0",
        "seed_1": "1",
        "seed_2": "2",
    }


def test_one_seed_has_no_deviation(record, capsys):
    found = record(train.main, "--seeds", "1")
    assert found.parent.metrics["test/average"] == 64.0
    assert not [name for name in found.parent.metrics if "deviation" in name]
    assert found.parent.params["run.seed"] == found.parent.params["seeds"] == "1"
    assert "| average | 64.00 | % |" in found.parent.tags["mlflow.note.content"]
    assert "  average                    64.00 %\n" in capsys.readouterr().out


def test_of_seeds_that_were_not_all_tested_there_is_no_mean(record, monkeypatch):
    monkeypatch.setattr(_Lanes, "interrupted_at", "seed_0")
    found = record(train.main, "--seeds", "0", "1", "2")
    assert found.status == 130 and found.parent.metrics == {}
    note = found.parent.tags["mlflow.note.content"]
    assert "2 finished, 1 interrupted." in note and note.endswith("`python -m orchestrator.train --resume s`")
    assert found.trials["seed_0"].data.tags["status"] == "interrupted"


def test_a_run_of_which_a_seed_failed_has_failed(record, monkeypatch):
    monkeypatch.setattr(_Lanes, "failed_at", "seed_1")
    found = record(train.main, "--seeds", "0", "1")
    assert found.status == 1 and found.parent.tags["status"] == "failed"
    assert {trial: run.data.tags["status"] for trial, run in found.trials.items()} == {
        "seed_0": "finished",
        "seed_1": "failed",
    }


def test_the_parent_of_a_search_has_what_was_chosen(record, capsys):
    found = record(sweep.main, "--trials", "3", "--seed", "0")
    assert found.status == 0
    parent = found.parent
    best = found.trials["t2"].data
    searched = [name for name in best.params if parent.params[name] != found.trials["t1"].data.params[name]]
    assert searched == ["method.learning_rate"] and parent.params["method.learning_rate"] == "0.0003"
    shared = {n: v for n, v in parent.params.items() if n not in ("objective", "seeds")}
    assert shared == best.params, "all of it"
    assert (parent.params["seeds"], parent.params["objective"]) == ("0", "validation/average")
    assert parent.tags["trials"] == "3" and not [name for name in parent.tags if "chosen" in name]
    assert parent.metrics == {
        "test/average": 60.0,
        "walk/test/seen/ece": 3.0,
        "walk/test/drift/angle": 40.0,
    }
    wanted = {"space.yaml", "sweep.yaml", "trials.txt", "best/config.yaml", "best/matrix.png"}
    assert wanted | {"best/test/matrix.png"} <= found.files
    assert "method.learning_rate" in found.text("space.yaml")
    assert found.text("best/config.yaml") == Path("runs/s/trials/t2/config.yaml").read_text()
    note = parent.tags["mlflow.note.content"]
    assert "a search of 3 trials for the most `validation/average`, seed 0. 2 finished, 1 stopped." in note
    assert "Chosen on validation: trial 2, `validation/average` 55.00." in note
    assert "| method.learning_rate | 0.0003 |" in note and "| drift/angle | 40.00 | degrees |" in note
    assert found.text("trials.txt").strip() in note and "-3.553e-15" not in note
    assert note.endswith("`python -m orchestrator.train --config runs/s/trials/t2/config.yaml`")
    said = capsys.readouterr().out
    assert "  method.learning_rate = 0.0003\n" in said
    assert "  on test: average 60.00 %  seen/ece 3.00 %  drift/angle 40.00 degrees\n" in said


def test_trials_of_a_search_are_numbered_as_the_terminal_does(record, capsys):
    found = record(sweep.main, "--trials", "3")
    assert {t: r.info.run_name for t, r in found.trials.items()} == {
        "t1": "trial 1",
        "t2": "trial 2",
        "t3": "trial 3",
    }
    assert "trial 3/3 starts  learning_rate=0.002" in capsys.readouterr().out
    scores = {t: r.data.metrics.get("score") for t, r in found.trials.items()}
    assert scores == {"t1": 50.0, "t2": 55.0, "t3": None}, "a stopped trial has none"
    assert {t: r.data.metrics["tasks"] for t, r in found.trials.items()} == {"t1": 2, "t2": 2, "t3": 1}


def test_a_trial_that_ctrl_c_cut_short_is_interrupted(record, monkeypatch, capsys):
    monkeypatch.setattr(_Lanes, "interrupted_at", "t3")
    found = record(sweep.main, "--trials", "3")
    assert found.status == 130
    rows = {line.split()[0]: line.split()[1] for line in found.text("trials.txt").splitlines()[1:]}
    assert rows == {"1": "finished", "2": "finished", "3": "interrupted"}
    assert "running" not in capsys.readouterr().out
    parent = found.parent
    assert parent.metrics == {} and "method.learning_rate" not in parent.params, "nothing is chosen yet"
    assert "2 finished, 1 interrupted" in parent.tags["mlflow.note.content"]
    assert found.trials["t3"].data.tags["status"] == "interrupted"


def test_a_leaderboard_knows_the_search_that_chose_what_was_trained(record, capsys):
    assert record(sweep.main, "--trials", "3").status == 0
    seeds = ["--seeds", "1", "2", "--name"]
    chosen = "runs/s/trials/t2/config.yaml"
    assert train.main(["--config", chosen, *seeds, "again"]) == 0
    assert train.main(["--config", chosen, "--set", "method.learning_rate=1.0", *seeds, "other"]) == 0
    capsys.readouterr()
    assert compare.main(["--record", "--runs", "s", "again", "--format", "csv"]) == 0
    row = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    found = [row[name] for name in ("trials", "validation", "metric", "n", "mean")]
    assert found == ["3", "55.0", "average", "2", "64.5"], "seeds 1 and 2, without the one that chose"
    assert compare.main(["--runs", "again", "other", "--methods", "clip-finetune"]) == 2
    said = capsys.readouterr().err
    few, many = (f"clip-finetune learning_rate={rate}" for rate in ("0.0003", "1"))
    assert f"alike: protocol is end-of-stream ({few}) and none, values were given ({many}); " in said
    assert f"; trials is 3 ({few}) and 0 ({many}); allowed: --allow protocol trials, or" in said
