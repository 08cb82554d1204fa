"""The road of a report: from the dispatcher to the record, to Tune and back, for both commands. No Ray is
started: what the dispatcher says is played.
"""

import copy
import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from told_run import told_run

from orchestrator.evaluation.objective import Objective
from orchestrator.execution import job_listener
from orchestrator.execution.job import Job, Outcome
from orchestrator.execution.job_listener import JobListener
from orchestrator.execution.session import Session
from orchestrator.record import recorder as recorder_module
from orchestrator.record.recorder import RunRecorder
from orchestrator.record.trial_store import TrialStore
from orchestrator.search.result_keys import INFEASIBLE, STATUS, TASK, TRIAL
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.search.tune_bridge import TuneBridge
from orchestrator.search.tune_callback import TuneCallback

_METRIC = "validation/average"
_TASKS = 4


class _Dispatcher:
    """Says what a test has it say, ``says[job]`` in turn, and writes down all that it is told to ``did``."""

    def __init__(self, did, **says):
        self.says, self._did = says, did

    @property
    def next_report(self):
        return SimpleNamespace(remote=lambda job_id, heard: (job_id, heard))

    def __getattr__(self, call):
        return lambda *given: self._did.append((call, *given))


@pytest.fixture
def did(monkeypatch):
    """What is done, in order: by the record (``report``, ``verdict``, ``end``), to the dispatcher
    (``submit``, ``answer``, ``stop``, ``tell``).
    """
    found = []
    monkeypatch.setattr(job_listener, "ask", lambda actor, call, *given: getattr(actor, call)(*given))
    return found


@pytest.fixture
def session(did, monkeypatch):
    """A session whose dispatcher says for job ``a`` what is in its list."""
    says = []
    dispatcher = _Dispatcher(did, a=says)
    monkeypatch.setattr(ray, "wait", lambda asked, timeout: (asked[:1] if says else [], []))
    monkeypatch.setattr(ray, "get", lambda asked: says.pop(0))

    class Played:
        lanes, says, ticks = 1, [], 0
        run, feed, drive, turn = Session.run, Session.feed, Session.drive, Session.turn

        def listener(self, *given):
            return JobListener(dispatcher, *given)

        def tick(self):
            pass

    found = Played()
    found.says = says
    return found


@pytest.fixture
def recorder(did, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder_module, "FigureWorker", lambda *_: SimpleNamespace(trial=lambda *_: None))
    tracker = SimpleNamespace(
        artifact=lambda *_: None,
        knows=lambda _: False,
        trial_start=lambda *_, **__: None,
        task=lambda trial_id, task, metrics: did.append(("report", trial_id, task)),
        trial_end=lambda *_: None,
    )
    config = SimpleNamespace(
        method_name="m", stream_name="s", run=SimpleNamespace(seed=0, keep="chosen"), flat=dict, to_dict=dict
    )
    store = TrialStore(tmp_path / "trials", Objective(_METRIC, "max"), _TASKS)
    names = [f"t{k}" for k in range(_TASKS)]
    run = told_run(tmp_path, config, names, "recognition", lambda _: None)
    found = RunRecorder(store, tracker, lambda _: config, run, 3)
    for name, what in (("decide", "verdict"), ("end", "end")):
        real = getattr(found, name)

        def noted(*given, real=real, what=what):
            real(*given)
            did.append((what, *given))

        monkeypatch.setattr(found, name, noted)
    return found


def _job(trial_id, values):
    return Job(trial_id, "train", {}, values, Path(trial_id))


@pytest.fixture
def bridge(session, recorder):
    found = TuneBridge(recorder, session, _job, _METRIC)
    assert found.propose("a", {"x": 1}, 0)
    found.start("a", {"x": 1}, 0)
    return found


def _report(task, value=5.0):
    return "report", {TASK: task, _METRIC: value, "other": 1.0}


def _hear(bridge, session, *said):
    session.says.extend(said)
    for _ in said:
        bridge.look()


def _words(did, *which):
    return [one for one in did if one[0] in which]


def test_a_report_is_in_the_record_before_tune_is_told_its_objective_and_nothing_else(bridge, session, did):
    _hear(bridge, session, _report(1))
    assert did == [
        ("submit", _job("a", {"x": 1}), 0),
        ("report", "a", 1),
        ("tell", "a", {_METRIC: 5.0, TASK: 1, STATUS: "running"}),
    ]


@pytest.mark.parametrize("command", ["sweep", "train"])
def test_a_report_comes_to_the_record_once_and_by_the_same_road_for_both_commands(
    session, recorder, did, command, monkeypatch
):
    taken = []
    take = JobListener._take
    monkeypatch.setattr(
        JobListener, "_take", lambda self, *given: (taken.append(given[1]), take(self, *given))
    )
    said = [_report(1), ("wait", None), _report(2), ("end", Outcome("finished"))]
    if command == "train":
        recorder.start("a", {"x": 1}, 0)
        session.says.extend(said)
        session.run([_job("a", {"x": 1})], on_report=lambda job, found: recorder.task(job.id, found))
    else:
        bridge = TuneBridge(recorder, session, _job, _METRIC)
        bridge.start("a", {"x": 1}, 0)
        for one in said:
            _hear(bridge, session, one)
            bridge.answer("a", 1, True)
    assert taken == ["report", "wait", "report", "end"]
    assert _words(did, "report") == [("report", "a", 1), ("report", "a", 2)]
    assert _words(did, "answer"), "and somebody says go"


def test_a_verdict_is_on_disk_before_the_lane_hears_of_it(bridge, session, did, recorder):
    scheduler = TaskScheduler(_METRIC, "max", _TASKS, write_down=bridge.decide, answer=bridge.answer)
    trial = SimpleNamespace(trial_id="tune a", config={"x": 1, TRIAL: {"id": "a", "number": 0}})
    scheduler.on_trial_add(None, trial)
    better = SimpleNamespace(trial_id="tune b", config={TRIAL: {"id": "b", "number": 1}})
    scheduler._answer = lambda *_: None
    scheduler._write_down = lambda *_: True
    scheduler.on_trial_add(None, better)
    scheduler.on_trial_result(None, better, {TASK: 2, _METRIC: 90.0, STATUS: "running"})
    scheduler._answer, scheduler._write_down = bridge.answer, bridge.decide
    for task in (1, 2):
        _hear(bridge, session, _report(task))
        (told,) = _words(did, "tell")[-1:]
        scheduler.on_trial_result(None, trial, dict(told[2]))
    file = recorder.store.trial_folder("a") / "verdicts.json"
    assert '"1": true, "2": false' in file.read_text()
    assert did[-7:] == [
        ("verdict", "a", 1, True),
        ("answer", "a", 1),
        ("report", "a", 2),
        ("tell", "a", {_METRIC: 5.0, TASK: 2, STATUS: "running"}),
        ("verdict", "a", 2, False),
        ("stop", "a"),
        ("end", "a", "stopped"),
    ]
    _hear(bridge, session, ("end", Outcome("stopped")))
    assert did[-1] == ("end", "a", "stopped"), "what the lane says of it from then on is not heard"


def test_where_a_verdict_cannot_be_written_nobody_acts_on_it(bridge, session, did, recorder, monkeypatch):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(recorder, "decide", full)
    scheduler = TaskScheduler(_METRIC, "max", _TASKS, write_down=bridge.decide, answer=bridge.answer)
    trial = SimpleNamespace(trial_id="tune a", config={TRIAL: {"id": "a", "number": 0}})
    scheduler.on_trial_add(None, trial)
    _hear(bridge, session, _report(1))
    assert scheduler.on_trial_result(None, trial, dict(did[-1][2])) == scheduler.STOP
    assert _words(did, "answer", "stop", "end") == [] and bridge.over
    assert recorder.store.trials["a"].status == "running"


@pytest.fixture
def in_the_end(session, recorder):
    """A bridge of a search in which no trial is stopped."""
    found = TuneBridge(recorder, session, _job, _METRIC, judged={_TASKS})
    assert found.propose("a", {"x": 1}, 0)
    found.start("a", {"x": 1}, 0)
    return found


def test_a_lane_goes_on_at_once_where_tune_has_no_say_and_tune_hears_of_the_last_task(
    in_the_end, session, did
):
    for task in range(1, _TASKS + 1):
        _hear(in_the_end, session, _report(task))
    last = [("report", "a", 4), ("tell", "a", {_METRIC: 5.0, TASK: 4, STATUS: "running"})]
    assert did[1:] == [one for k in (1, 2, 3) for one in (("report", "a", k), ("answer", "a", k))] + last


def test_where_a_report_could_not_be_recorded_the_lane_is_not_told_to_go_on(
    in_the_end, session, did, recorder, monkeypatch
):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr(recorder, "task", full)
    _hear(in_the_end, session, _report(1))
    assert in_the_end.over and not _words(did, "answer", "tell")


def test_a_report_without_the_objective_goes_on(bridge, session, did):
    scheduler = TaskScheduler(_METRIC, "max", _TASKS, write_down=bridge.decide, answer=bridge.answer)
    trial = SimpleNamespace(trial_id="tune a", config={TRIAL: {"id": "a", "number": 0}})
    scheduler.on_trial_add(None, trial)
    _hear(bridge, session, ("report", {TASK: 1, "other": 1.0}))
    assert did[-1] == ("tell", "a", {TASK: 1, STATUS: "running"})
    assert scheduler.on_trial_result(None, trial, dict(did[-1][2])) == scheduler.CONTINUE
    assert did[-1] == ("answer", "a", 1) and not _words(did, "verdict")


@pytest.mark.parametrize(
    ("tasks", "outcome", "status"),
    [(4, Outcome("finished"), "finished"), (2, Outcome("stopped"), "stopped")],
)
def test_an_end_is_in_the_record_before_tune_makes_room_for_the_next(
    bridge, session, did, tasks, outcome, status
):
    for task in range(1, tasks + 1):
        _hear(bridge, session, _report(task))
        bridge.answer("a", task, True)
    _hear(bridge, session, ("end", outcome))
    assert did[-2:] == [("end", "a", status), ("tell", "a", {TASK: tasks, STATUS: status})]


def test_a_failure_has_its_reason_in_the_record_and_tune_is_told_that_it_is_one(bridge, session, did):
    _hear(bridge, session, ("end", Outcome("failed", "its machine is gone")))
    end = "end", "a", "failed", "its machine is gone", False
    assert did[-2:] == [end, ("tell", "a", {TASK: 0, STATUS: "failed"})]


def test_that_a_trials_own_values_made_it_fail_is_in_the_record_and_tune_is_told(
    bridge, session, did, recorder
):
    _hear(bridge, session, ("end", Outcome("failed", "loss is nan", infeasible=True)))
    end = "end", "a", "failed", "loss is nan", True
    assert did[-2:] == [end, ("tell", "a", {TASK: 0, STATUS: "failed", INFEASIBLE: True})]
    assert recorder.store.trials["a"].infeasible


@pytest.mark.parametrize(
    "outcome",
    [Outcome("failed", "disk full", fatal=True), Outcome("interrupted")],
    ids=["fatal", "interrupted"],
)
def test_what_ends_a_sweep_leaves_the_trial_unfinished(bridge, session, did, recorder, outcome):
    _hear(bridge, session, ("end", outcome))
    assert _words(did, "end", "tell") == [] and recorder.store.trials["a"].status == "running"
    assert recorder.fatal == outcome.reason and bridge.over == outcome.fatal


def test_a_process_that_tune_begins_again_begins_nothing_anew(bridge, session, did, recorder):
    bridge.start("a", {"x": 1}, 0)
    assert len(_words(did, "submit")) == 1
    _hear(bridge, session, ("end", Outcome("failed", "nan")))
    bridge.start("a", {"x": 1}, 0)
    assert recorder.store.trials["a"].status == "failed" and len(_words(did, "submit")) == 1


def test_a_trial_whose_process_dies_too_often_fails_and_its_lane_is_told(bridge, did):
    bridge.died("a")
    assert did[-2:] == [("stop", "a"), ("end", "a", "failed", "the trial's own process died too often")]


@pytest.mark.parametrize("status", ["finished", "failed"])
def test_a_trial_that_has_ended_stays_as_it_ended_whatever_its_process_or_tune_says(bridge, recorder, status):
    """The process may die before it hears of the end, and Tune still think about the last report."""
    recorder.end("a", status, "as the lane said")
    bridge.died("a")
    bridge.answer("a", 2, False)
    entry = recorder.store.trials["a"]
    assert (entry.status, entry.reason) == (status, "as the lane said")


def test_of_a_trial_that_tune_has_closed_nobody_is_told_again(bridge, session):
    _hear(bridge, session, _report(1))
    assert set(bridge._jobs._told) == {"a"}
    bridge.closed("a")
    assert bridge._jobs._told == {}


def test_tunes_loop_waits_for_the_lanes_only_where_it_has_nothing_to_do(bridge, session, monkeypatch):
    waited = []
    monkeypatch.setattr(ray, "wait", lambda asked, timeout: (waited.append(timeout), (asked[:1], []))[1])
    session.says.append(_report(1))
    session.says.append(("wait", None))
    session.says.append(("wait", None))
    monkeypatch.setattr(JobListener, "hear", _once(JobListener.hear))
    bridge.look()
    bridge.look()
    bridge.answer("a", 1, True)
    bridge.look()
    assert [timeout > 0 for timeout in waited] == [True, False, True]


def _once(hear):
    return lambda self, timeout: hear(self, timeout) and False


def test_tunes_pickles_hold_nothing_of_the_bridge(bridge):
    assert copy.deepcopy(bridge) is bridge
    assert pickle.loads(pickle.dumps(bridge.propose.__self__)) == "a bridge of another process"
    assert vars(pickle.loads(pickle.dumps(TuneCallback(bridge)))) == {}


def test_of_several_objectives_tune_hears_those_of_the_tasks_so_far(session, recorder, did):
    """A resumed trial has reports of further tasks, of which its lane tells again one by one."""
    several = Objective(_METRIC, "max", others=(Objective("other", "min"),))
    bridge = TuneBridge(recorder, session, _job, _METRIC, several)
    assert bridge.propose("a", {"x": 1}, 0)
    bridge.start("a", {"x": 1}, 0)
    for task, value in ((1, 5.0), (2, 9.0)):
        recorder.task("a", {TASK: task, _METRIC: value, "other": 10.0 * task})
    _hear(bridge, session, _report(1))
    assert did[-1] == ("tell", "a", {_METRIC: 5.0, "other": 10.0, TASK: 1, STATUS: "running"})


def test_a_trial_on_a_stream_that_has_no_order_is_recorded_in_its_natural_one(recorder, monkeypatch):
    told = []
    tracker = recorder._records.tracker
    monkeypatch.setattr(tracker, "trial_start", lambda trial_id, flat, tags, **_: told.append((flat, tags)))
    recorder.start("a", {"x": 1}, 0)
    ((flat, tags),) = told
    assert "stream.order" not in flat and tags["order"] == "natural"
