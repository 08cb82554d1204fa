"""The record in a real MLflow store."""

import fcntl
import json
import math
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from orchestrator.errors import UserError
from orchestrator.tracking import Tracker, environment, environment_tags
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.colour import run_colour
from orchestrator.tracking.comparison import comparison_page
from orchestrator.tracking.sender import Sender
from orchestrator.tracking.store import tracking_uri, without_password

EXPERIMENT = "ctp on shapes-retrieval"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store with its tables, which take a second to make."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def runs(tmp_path, empty_store, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(empty_store, folder / "mlflow.db")
    return folder


def found(runs):
    """The store's runs by name of the trial ("" = the sweep), and its client."""
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    every = client.search_runs([experiment.experiment_id])
    named = {run.data.tags.get("trial", ""): run for run in every}
    assert len(named) == len(every), "a run is there twice"
    return named, client


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def record_a_sweep(tracker):
    tracker.start({"trials": 2}, {"method": "ctp", "stream": "shapes-retrieval"})
    for trial, status in (("aa", "finished"), ("bb", "stopped")):
        params = {"method.name": "ctp", "method.learning_rate": 3e-4, "replay.size": 50, "run.seed": 7}
        tracker.trial_start(trial, params, {"seed": 7}, searched=["method.learning_rate", "replay.size"])
        tracker.task(trial, 1, {"validation/average": 50.0, "train/ita": math.nan})
        if status == "finished":
            tracker.task(trial, 2, {"validation/average": 40.0, "validation/forgetting": 10.0})
        tracker.text(trial, "config.yaml", "method: ctp\n名: 值\n")
        tracker.trial_end(trial, status)
    tracker.finish("finished", {"best/validation/average": 40.0}, {"best_trial": "aa"})


def test_a_sweep_is_a_parent_run_with_a_child_a_trial(runs):
    file = runs / "sweep" / "trials" / "aa" / "matrix.csv"
    file.parent.mkdir(parents=True)
    file.write_text("1,2\n")
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.artifact("aa", file, "validation")  # before its run: set aside, and put at the end
    record_a_sweep(tracker)
    summary = tracker.close()
    assert (summary.sent, summary.unsent, summary.rejected) == (14, 0, 0)
    assert summary.message == ""

    named, client = found(runs)
    parent, done, stopped = named[""], named["aa"], named["bb"]
    assert parent.info.run_name == "sweep"
    assert parent.data.tags["best_trial"] == "aa"
    assert parent.data.metrics == {"best/validation/average": 40.0}
    assert {r.data.tags["mlflow.parentRunId"] for r in (done, stopped)} == {parent.info.run_id}
    assert [r.info.status for r in (parent, done, stopped)] == ["FINISHED", "FINISHED", "KILLED"]
    assert [r.info.run_name for r in (done, stopped)] == ["trial 1", "trial 2"]
    assert done.data.params == {
        "method.learning_rate": "0.0003", "replay.size": "50", "method.name": "ctp", "run.seed": "7",
    }  # fmt: skip
    assert done.data.tags["stream"] == "shapes-retrieval" and done.data.tags["seed"] == "7"
    assert "stopped_at_task" not in done.data.tags
    assert stopped.data.tags["stopped_at_task"] == "1" and stopped.data.tags["status"] == "stopped"
    history = client.get_metric_history(done.info.run_id, "validation/average")
    assert [(m.step, m.value) for m in history] == [(1, 50.0), (2, 40.0)]
    assert set(done.data.metrics) == {"validation/average", "validation/forgetting"}, "NaN is left out"
    for inside in ("config.yaml", "validation/matrix.csv"):
        assert client.download_artifacts(done.info.run_id, inside)
    text = Path(client.download_artifacts(done.info.run_id, "config.yaml")).read_text(encoding="utf-8")
    assert "名: 值" in text


def test_a_resumed_sweep_goes_on_with_the_same_runs(runs):
    first = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    first.start({"trials": 2}, {"method": "ctp"})
    first.trial_start("aa", {"run.seed": 1})
    first.task("aa", 1, {"validation/average": 50.0})
    assert first.close().unsent == 0

    again = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    again.start({"trials": 5, "new": 1}, {"method": "ctp"})
    again.trial_start("aa", {"run.seed": 1})
    again.task(
        "aa", 1, {"validation/average": 99.0, "train/ita": 1.0}
    )  # the task was recorded before the crash
    again.task("aa", 2, {"validation/average": 40.0})
    again.finish("interrupted")
    assert again.close().message == ""

    named, client = found(runs)
    assert set(named) == {"", "aa"}
    history = client.get_metric_history(named["aa"].info.run_id, "validation/average")
    assert [(m.step, m.value) for m in history] == [(1, 50.0), (2, 40.0)]
    assert named["aa"].data.metrics["train/ita"] == 1.0
    assert named["aa"].info.status == "KILLED" and named["aa"].data.tags["status"] == "interrupted"
    assert named[""].data.params == {"trials": "2", "new": "1"}


def test_the_comparison_page_shows_all_trials_the_finished_first_and_what_was_searched(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {"method": "ctp"}, objective="validation/average")
    params = {"method.a": 1, "method.b": 2, "method.c": 3, "replay.size": 4}
    tracker.trial_start("aa", params, searched=["method.a", "method.b"])
    tracker.trial_start("bb", params, searched=["method.a", "method.b", "method.c", "replay.size"])
    assert tracker.close().message == ""
    named, client = found(runs)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    page, _, key = comparison_page(runs / "sweep", f"sqlite:///{runs / 'mlflow.db'}").rpartition("=")
    assert page.startswith(f"/#/experiments/{experiment.experiment_id}/runs?")
    assert page.endswith("&viewStateShareKey")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    assert view["name"] == "sweep"
    state = json.loads(view["state"])
    finished, matrices, over_tasks, every = state["compareRunCharts"]
    searched = ["method.a", "method.b", "method.c", "replay.size"]
    assert finished["selectedParams"] == every["selectedParams"] == searched
    assert (finished["selectedMetrics"], every["selectedMetrics"]) == (["score"], ["tasks"])
    assert over_tasks["selectedMetricKeys"] == ["validation/average"]
    assert (matrices["type"], matrices["imageKeys"]) == ("IMAGE", ["pictures/validation matrix"])
    # MLflow calls both charts of parallel coordinates alike: what each shows is its section's name.
    own = [section["name"] for section in state["compareRunSections"] if not section.get("isGenerated")]
    assert [chart["metricSectionId"] for chart in state["compareRunCharts"]] == own == sorted(own)
    assert len(set(own)) == 4 and own[-1] < "test" and "Stopped" in every["metricSectionId"]
    assert state["selectedColumns"][-4:] == [f"params.`{name}`" for name in searched]

    again = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    again.task("aa", 1, {"validation/average": 90.0})
    again.trial_end("aa", "stopped")
    for trial, value in (("bb", 50.0), ("cc", 60.0)):
        again.trial_start(trial, params, searched=["method.a"])
        again.task(trial, 2, {"validation/average": value})
        again.trial_end(trial, "finished", score=value)
    again.trial_start("dd", params, searched=["method.a"])
    again.finish("interrupted")
    assert again.close().message == ""
    # The store itself must understand the view's filter and order.
    options = {"filter_string": state["searchFilter"], "order_by": [state["orderByKey"] + " DESC"]}
    shown = client.search_runs([experiment.experiment_id], **options)
    assert [run.data.tags["trial"] for run in shown][:2] == ["cc", "bb"]
    assert {run.data.tags["trial"] for run in shown} == {"aa", "bb", "cc", "dd"}
    named, _ = found(runs)
    assert named["dd"].info.run_name == "trial 4", "numbers go on"
    assert named["dd"].data.tags["status"] == "interrupted"
    assert "score" not in named["aa"].data.metrics and named["cc"].data.metrics["score"] == 60.0


def test_trials_have_the_numbers_that_they_are_given_and_colours_of_their_own(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {"method": "ctp"})
    for number in (3, 0, 11):
        tracker.trial_start(f"t{number}", {"run.seed": 5}, number=number)
    assert tracker.close().message == ""
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    named, _ = found(runs)
    client.set_tag(named["t3"].info.run_id, "mlflow.runColor", "#123456")
    again = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    again.trial_start("t3", {"run.seed": 5}, number=3)
    assert again.close().message == ""
    named, _ = found(runs)
    names = {trial: run.info.run_name for trial, run in named.items() if trial}
    assert names == {"t3": "trial 4", "t0": "trial 1", "t11": "trial 12"}
    colours = [named[trial].data.tags["mlflow.runColor"] for trial in ("t0", "t11", "t3")]
    assert colours == [run_colour(0), run_colour(11), "#123456"], "one that the user chose stays"


def test_no_two_of_1500_trials_have_one_colour():
    colours = [run_colour(number) for number in range(1500)]
    assert len(set(colours)) == 1500 and all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)


def test_parameters_are_short_have_a_value_and_what_was_searched_comes_first(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({"method.clip": None, "run.skip_bad": False}, {"method": "ctp"})
    params = {
        "method.backbone.weights": None,
        "method.clip": None,
        "method.epochs": 3,
        "method.learning_rate": 0.00030000000000000003,
        "method.min_learning_rate": 1e-05,
        "run.skip_bad": True,
        "stream.data": "a b",
    }
    tracker.trial_start("aa", params, searched=["method.learning_rate", "method.clip"])
    tracker.finish("finished", params={"method.learning_rate": 1 / 3, "method.clip": None})
    assert tracker.close().message == ""
    named, _ = found(runs)
    assert list(named["aa"].data.params.items()) == [
        ("method.learning_rate", "0.0003"),
        ("method.clip", "null"),
        ("method.epochs", "3"),
        ("method.min_learning_rate", "1e-05"),
        ("run.skip_bad", "true"),
        ("stream.data", "a b"),
    ]
    chosen = {"run.skip_bad": "false", "method.learning_rate": "0.333333", "method.clip": "null"}
    assert named[""].data.params == chosen


def test_what_is_chosen_anew_is_said_by_tags_as_mlflows_parameters_stay(runs):
    def choose(rate):
        tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
        tracker.start({"run.seed": 0}, {"method": "ctp"})
        tracker.finish("finished", params={"method.learning_rate": rate, "method.epochs": 3})
        assert tracker.close().message == ""
        found_now, _ = found(runs)
        data = found_now[""].data
        named = {n: v for n, v in data.tags.items() if n.startswith(("chosen.", "params."))}
        assert (data.params["method.learning_rate"], data.params["method.epochs"]) == ("0.1", "3")
        return named

    assert choose(0.1) == {} == choose(0.1)
    past = "params.of_an_earlier_choice"
    now = {"chosen.method.learning_rate": "0.2", "chosen.method.epochs": "3", past: "method.learning_rate"}
    assert choose(0.2) == now
    assert choose(0.1) == {**now, "chosen.method.learning_rate": "0.1", past: ""}


def test_a_run_of_seeds_is_shown_by_its_curves_and_test_scores(runs):
    tracker = Tracker(runs / "seeds", None, EXPERIMENT, "seeds")
    seeds = {"seeds": "4 5"}
    tracker.start(seeds, {"method": "ctp"}, objective="validation/average", kind="train", own_tags=seeds)
    for number, seed in enumerate((4, 5)):
        tracker.trial_start(f"seed_{seed}", {"run.seed": seed}, searched=["run.seed"], number=number)
    assert tracker.close().message == ""
    named, client = found(runs)
    tags, params = named[""].data.tags, named[""].data.params
    assert (tags["kind"], tags["seeds"], params) == ("train", "4 5", {"seeds": "4 5"})
    assert "seed" not in tags and "seeds" not in named["seed_4"].data.tags
    (view,) = (v for n, v in client.get_experiment_by_name(EXPERIMENT).tags.items() if "sharedView" in n)
    state = json.loads(json.loads(view)["state"])
    *charts, matrices = state["compareRunCharts"]
    assert matrices["imageKeys"] == ["pictures/test matrix"]
    kinds = [(chart["type"], chart["metricKey"]) for chart in charts]
    assert kinds == [
        ("LINE", "validation/average"),
        ("BAR", "test/average"),
        ("BAR", "test/forgetting"),
        ("BAR", "test/seen/r_mean"),
        ("BAR", "test/seen/accuracy"),
    ]
    assert "metrics.`test/average`" in state["selectedColumns"]
    assert state["hideEmptyCharts"], "no run of recognition has R_m"
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {"Runs"}


def test_a_search_of_nothing_has_a_page_too(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {"method": "zero-shot"})
    tracker.trial_start("aa", {})
    tracker.trial_start("bb", {})
    assert tracker.close().message == ""
    _, client = found(runs)
    tags = client.get_experiment_by_name(EXPERIMENT).tags
    assert sum(name.startswith("mlflow.sharedViewState.") for name in tags) == 1


def test_two_sweeps_of_one_name_do_not_mix(runs, tmp_path):
    uri = f"sqlite:///{runs / 'mlflow.db'}"
    for place in ("one", "two"):
        tracker = Tracker(tmp_path / place / "sweep", uri, EXPERIMENT, "sweep")
        tracker.start({"place": place}, {})
        assert tracker.close().unsent == 0
    client = MlflowClient(uri)
    every = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    assert sorted(run.data.params["place"] for run in every) == ["one", "two"]


def test_an_unreachable_server_holds_nothing_up_and_is_told_later(runs, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = f"http://someone:secret@127.0.0.1:{closed_port()}"
    tracker = Tracker(runs / "sweep", uri, EXPERIMENT, "sweep")
    record_a_sweep(tracker)
    summary = tracker.close(timeout=20)
    assert (summary.sent, summary.unsent) == (0, 13)
    assert "13 records" in summary.message
    again = f"MLFLOW_TRACKING_URI={uri.replace('someone:secret@', '')} python -m orchestrator.tracking send"
    assert again in summary.message
    assert "\n" not in summary.message
    assert "secret" not in summary.message + (runs / "sweep" / "tracking.jsonl").read_text()

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert main(["send", str(runs / "sweep")]) == 2, "the server is still away"
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "13 records unsent" in error

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{runs / 'mlflow.db'}")
    assert main(["send", str(runs / "sweep")]) == 0
    assert "13 records sent" in capsys.readouterr().out
    assert main(["send", str(runs / "sweep")]) == 0
    assert "0 records sent" in capsys.readouterr().out
    named, client = found(runs)
    assert set(named) == {"", "aa", "bb"}
    assert len(client.get_metric_history(named["aa"].info.run_id, "validation/average")) == 2


def test_a_crash_between_sending_and_noting_it_duplicates_nothing(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    record_a_sweep(tracker)
    tracker.close()
    (runs / "sweep" / "tracking.sent.json").unlink()
    assert main(["send", str(runs / "sweep")]) == 0
    named, client = found(runs)
    assert set(named) == {"", "aa", "bb"}
    assert len(client.get_metric_history(named["aa"].info.run_id, "validation/average")) == 2
    assert [named[t].info.status for t in ("", "aa", "bb")] == ["FINISHED", "FINISHED", "KILLED"]


def test_a_torn_line_costs_that_line_alone(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {})
    tracker.close()
    with open(runs / "sweep" / "tracking.jsonl", "a") as journal:
        journal.write('{"op":"metrics","run":"","st')
    again = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    again.start({}, {})
    again.finish("finished", {"a": 1.0})
    assert again.close().message == ""
    named, _ = found(runs)
    assert named[""].data.metrics == {"a": 1.0}


def test_a_store_that_another_process_is_making_is_waited_for(runs):
    with open(runs / "mlflow.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
        tracker.start({}, {})
        assert tracker.close(timeout=1).unsent == 1
    assert tracker.close().unsent == 0


def test_thousands_of_points_in_a_step_and_many_parameters(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({f"p{i}": i for i in range(250)}, {f"t{i}": i for i in range(150)})
    tracker.trial_start("aa", {})
    tracker.task("aa", 1, {f"m{i}": float(i) for i in range(1500)})
    assert tracker.close(60).message == ""
    named, _ = found(runs)
    assert len(named["aa"].data.metrics) == 1500
    assert len(named[""].data.params) == 250 and named[""].data.tags["t149"] == "149"


def test_calls_from_several_threads_are_all_recorded(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {})

    def walk(trial):
        tracker.trial_start(trial, {})
        for step in range(1, 4):
            tracker.task(trial, step, {"m": float(step)})
        tracker.trial_end(trial, "finished")

    threads = [threading.Thread(target=walk, args=(f"t{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tracker.close(60).message == ""
    named, _ = found(runs)
    assert [named[f"t{i}"].data.metrics["m"] for i in range(4)] == [3.0] * 4


def test_wrong_addresses_and_statuses_are_refused_at_once(runs, monkeypatch):
    with pytest.raises(UserError, match="'./mlruns'.*http://HOST:PORT"):
        Tracker(runs / "sweep", "./mlruns", EXPERIMENT, "sweep")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "ftp://me:secret@host")
    with pytest.raises(UserError, match="ftp://host'") as caught:
        Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    assert "secret" not in str(caught.value)
    for uri in ("http://me:se/cret@host", "postgresql://me:se#cret@host/db", "http://[me:secret@host"):
        with pytest.raises(UserError, match="where its host ends cannot be told") as caught:
            Tracker(runs / "sweep", uri, EXPERIMENT, "sweep")
        assert "cret" not in str(caught.value)
    assert not (runs / "sweep").exists()


def test_an_address_is_written_down_without_what_is_secret():
    for uri, safe in (
        ("https://me:secret@host:5/ml", "https://host:5/ml"),
        ("postgresql+psycopg2://me:sec%40ret@host/db?sslpassword=secret", "postgresql+psycopg2://host/db"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("http://host", "http://host"),
    ):
        assert tracking_uri(Path("runs"), uri) == uri
        assert without_password(uri) == safe


def test_a_checkout_may_lie_at_a_path_that_is_no_text(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    subprocess.run(["git", "init", "-q", folder], check=True)
    assert environment._git(folder, "rev-parse", "--show-toplevel") == str(folder)


def test_a_clock_that_is_set_back_ends_no_run_before_it_began(runs, monkeypatch):
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    now = [2000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    for seconds in ((2000.0, 1000.0), (500.0, 2001.0)):  # also where it is opened again
        tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
        for now[0] in seconds:
            tracker.task("aa", int(now[0]), {"m": 1.0})
    lines = [json.loads(line) for line in (runs / "sweep/tracking.jsonl").read_text().splitlines()]
    assert [(line["step"], line["time"]) for line in lines if line["op"] == "metrics"] == [
        (2000, 2_000_000),
        (1000, 2_000_000),
        (500, 2_000_000),
        (2001, 2_001_000),
    ]


@pytest.mark.parametrize("found", ["x", 9e15, 9_000_000_000_000_000, True, None])
def test_a_time_of_a_journal_that_cannot_be_is_none(runs, monkeypatch, found):
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    (runs / "sweep").mkdir(parents=True, exist_ok=True)
    Tracker(runs / "sweep", None, EXPERIMENT, "sweep").task("aa", 1, {"m": 1.0})
    journal = runs / "sweep/tracking.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({**line, "time": found}) + "\n" for line in lines))
    monkeypatch.setattr(time, "time", lambda: 7000.0)
    Tracker(runs / "sweep", None, EXPERIMENT, "sweep").task("aa", 2, {"m": 1.0})
    assert json.loads(journal.read_text().splitlines()[-1])["time"] == 7_000_000


def test_one_that_is_refused_is_repeated_as_it_was_typed():
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI is 'file:\./mlruns': give http://HOST:PORT"):
        tracking_uri(Path("runs"), "file:./mlruns")


def test_a_journal_that_cannot_be_written_is_one_clear_line(runs):
    (runs / "sweep").write_text("a file in the way")
    with pytest.raises(UserError, match="cannot write .*tracking.jsonl"):
        Tracker(runs / "sweep", None, EXPERIMENT, "sweep")


def test_send_names_a_folder_without_a_journal(tmp_path, capsys):
    assert main(["send", str(tmp_path)]) == 2
    assert "no record of a sweep" in capsys.readouterr().err


def test_the_command_that_opens_the_comparison_names_the_run(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)
    tracker = Tracker(runs / "a sweep", None, EXPERIMENT, "a sweep")
    tracker.close()
    assert tracker.where() == "python -m orchestrator.tracking ui 'runs/a sweep'"


def test_the_comparison_at_a_server_is_an_address(runs, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = Tracker(runs / "sweep", f"http://me:secret@127.0.0.1:{closed_port()}/", EXPERIMENT, "sweep")
    tracker.close(timeout=0.1)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", tracker.where())


def test_a_run_whose_record_is_elsewhere_is_one_line(runs, empty_store):
    Tracker(runs / "sweep", None, EXPERIMENT, "sweep").close()
    other = f"sqlite:///{empty_store}"
    with pytest.raises(UserError) as raised:
        comparison_page(runs / "sweep", other)
    where = f"sqlite:///{runs / 'mlflow.db'}"
    wanted = (
        f"{runs / 'sweep'}: its record is not in {other}, but perhaps in {where}: give MLFLOW_TRACKING_URI"
    )
    assert str(raised.value) == wanted


def test_environment_tags_name_versions_and_no_secret(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cret")
    tags = environment_tags()
    assert {"version.python", "version.torch", "version.ray", "version.optuna", "version.mlflow"} <= set(tags)
    assert all(isinstance(value, str) for value in tags.values())
    assert "s3cret" not in json.dumps(tags)
