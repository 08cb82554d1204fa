"""Which records count as sent, who sends them, and where to."""

import errno
import json
import time

import pytest
from mlflow import MlflowClient

from orchestrator.errors import UserError
from orchestrator.tracking import Tracker, __main__
from orchestrator.tracking.__main__ import main
from orchestrator.tracking.journal import Journal
from orchestrator.tracking.view import view_state

EXPERIMENT = "ctp on shapes-retrieval"


def _metrics(runs, name="mlflow.db"):
    """Trial -> metric -> values by step. The sweep's own are under ""."""
    client = MlflowClient(f"sqlite:///{runs / name}")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found = {}
    for run in client.search_runs([experiment.experiment_id]) if experiment else ():
        histories = {m: client.get_metric_history(run.info.run_id, m) for m in run.data.metrics}
        points = {m: [(p.step, p.value) for p in history] for m, history in histories.items()}
        found[run.data.tags.get("trial", "")] = points
    return found


def _close(tracker, folder):
    """The tracker's summary, once nobody is sending any more."""
    summary, journal = tracker.close(timeout=1), Journal(folder)
    while not journal.hold():
        time.sleep(0.01)
    journal.release()
    return summary


def _record(tracker):
    tracker.start({}, {"method": "ctp"})
    tracker.trial_start("aa", {})
    for step, value in ((1, 50.0), (2, 40.0), (3, 30.0)):
        tracker.task("aa", step, {"validation/average": value})


@pytest.mark.parametrize("failing", [1, 3])
def test_a_passing_error_leaves_its_record_and_all_behind_it_unsent(runs, monkeypatch, failing):
    whole, calls = MlflowClient.log_batch, []

    def passes_away(self, run, metrics=(), *arguments, **options):
        calls.extend(metrics)
        if metrics and len(calls) >= failing:
            raise ConnectionError("the server is being restarted")
        return whole(self, run, metrics, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_batch", passes_away)
        tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
        _record(tracker)
        while len(calls) < failing:
            time.sleep(0.01)
        summary = _close(tracker, runs / "sweep")
    # The sweep's start, the trial's and what came before the error have arrived.
    assert (summary.unsent, summary.rejected) == (3 - failing + 1, 0)
    assert "the server is being restarted" in summary.message
    assert len(_metrics(runs)["aa"].get("validation/average", [])) == failing - 1
    assert main(["send", str(runs / "sweep")]) == 0
    assert _metrics(runs)["aa"]["validation/average"] == [(1, 50.0), (2, 40.0), (3, 30.0)]


def test_what_the_store_refuses_for_good_holds_nothing_up(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {})
    tracker.task("nobody", 1, {"validation/average": 1.0})
    tracker.trial_start("aa", {})
    tracker.task("aa", 1, {"validation/average": 50.0})
    summary = tracker.close()
    assert (summary.unsent, summary.rejected) == (0, 1)
    assert _metrics(runs)["aa"] == {"validation/average": [(1, 50.0)]}


def test_what_is_left_goes_where_the_caller_says_and_the_journal_only_names_it(runs, monkeypatch, capsys):
    first = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    _record(first)
    assert first.close().unsent == 0
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "get_experiment_by_name", lambda *_: 1 / 0)
        second = Tracker(runs / "sweep", f"sqlite:///{runs / 'other.db'}", EXPERIMENT, "sweep")
        second.task("aa", 4, {"validation/average": 20.0})
        assert _close(second, runs / "sweep").unsent == 7
    assert main(["send", str(runs / "sweep")]) == 2
    error = capsys.readouterr().err
    assert f"was last sent to 'sqlite:///{runs / 'other.db'}'; allowed: that address" in error
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{runs / 'other.db'}")
    assert main(["send", str(runs / "sweep")]) == 0
    assert "7 records sent" in capsys.readouterr().out
    whole = [(1, 50.0), (2, 40.0), (3, 30.0), (4, 20.0)]
    assert _metrics(runs, "other.db")["aa"]["validation/average"] == whole
    assert _metrics(runs)["aa"]["validation/average"] == whole[:3]


def test_one_process_at_a_time_sends(tmp_path):
    one, other = Journal(tmp_path), Journal(tmp_path)
    one.append({"op": "open"})
    assert one.hold() and one.hold(), "who holds it goes on holding it"
    assert not other.hold()
    one.release()
    assert other.hold() and not one.hold()
    other.release()


def test_how_far_one_store_has_come_is_not_forgotten_for_another(tmp_path):
    journal = Journal(tmp_path)
    for op in ("open", "start", "metrics"):
        journal.append({"op": op})
    ends = [end for _, end in journal.read()]
    assert (journal.unsent("a"), journal.unsent("b")) == (2, 2), "an opening is nothing to send"
    journal.mark_sent("a", ends[1])
    journal.mark_sent("b", ends[2])
    assert (journal.unsent("a"), journal.unsent("b")) == (1, 0)
    assert [record["op"] for record, _ in journal.read(journal.sent("a"))] == ["metrics"]


@pytest.mark.parametrize("torn", [b'{"op":"metr', b'{"op":"metrics"}'])
def test_a_record_behind_a_torn_line_is_read(tmp_path, torn):
    Journal(tmp_path).append({"op": "start"})
    with open(tmp_path / "tracking.jsonl", "ab") as file:
        file.write(torn)
    journal = Journal(tmp_path)
    journal.append({"op": "end"})
    journal.append({"op": "text"})
    whole = [record["op"] for record, _ in Journal(tmp_path).read()]
    assert whole == ["start", *(["metrics"] if torn.endswith(b"}") else []), "end", "text"]


@pytest.mark.parametrize(("mode", "ascending"), [("max", False), ("min", True)])
def test_the_comparison_page_has_the_better_first(mode, ascending):
    view = json.loads(view_state("sweep", "0", ["a"], "validation/average", mode, 1))
    state = json.loads(view["state"])
    assert state["orderByAsc"] is ascending
    assert state["orderByKey"] == "metrics.`score`"


@pytest.mark.parametrize("grouped", [False, True])
def test_the_page_of_an_older_journal_of_seeds_has_its_own_trials_which_lack_the_tags(grouped):
    view = json.loads(
        view_state("s", "0", ["run.seed"], "validation/average", "max", 1, kind="train", grouped=grouped)
    )
    state = json.loads(view["state"])
    assert (state["searchFilter"] == "tags.`mlflow.parentRunId` = '0'") is not grouped
    assert ("groupBy" in state) is grouped


def test_the_page_of_an_older_journal_is_sorted_by_what_its_trials_have(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {})
    old = {"op": "view", "run": "", "name": "sweep", "searched": ["a"], "objective": "validation/average"}
    Journal(runs / "sweep").append({**old, "mode": "max", "time": 1})
    assert tracker.close().message == ""
    experiment = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}").get_experiment_by_name(EXPERIMENT)
    (view,) = (value for name, value in experiment.tags.items() if "sharedViewState" in name)
    assert json.loads(json.loads(view)["state"])["orderByKey"] == "metrics.`validation/average`"


def test_the_sweeps_own_mode_reaches_the_page(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    tracker.start({}, {}, objective="validation/seen/ece", mode="min")
    tracker.trial_start("aa", {"method.a": 1}, searched=["method.a"])
    assert tracker.close().message == ""
    experiment = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}").get_experiment_by_name(EXPERIMENT)
    (view,) = (value for name, value in experiment.tags.items() if "sharedViewState" in name)
    state = json.loads(json.loads(view)["state"])
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`score`", True)
    assert "metrics.`validation/seen/ece`" in state["selectedColumns"]


def test_a_stopped_trial_says_after_which_task(runs):
    tracker = Tracker(runs / "sweep", None, EXPERIMENT, "sweep")
    _record(tracker)
    tracker.trial_end("aa", "stopped")
    tracker.finish("finished")
    assert tracker.close().message == ""
    client = MlflowClient(f"sqlite:///{runs / 'mlflow.db'}")
    every = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id])
    (trial,) = (run for run in every if run.data.tags.get("trial") == "aa")
    assert trial.data.tags["stopped_at_task"] == "3" and trial.info.status == "KILLED"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 1), (errno.EDQUOT, 1), (errno.EACCES, 2)])
def test_a_full_disk_has_the_status_of_one(monkeypatch, capsys, number, status):
    def full(folder):
        raise UserError(f"{folder}: cannot be written") from OSError(number, "")

    monkeypatch.setattr(__main__, "resend", full)
    assert main(["send", "x"]) == status
    assert capsys.readouterr().err == "error: x: cannot be written\n"
