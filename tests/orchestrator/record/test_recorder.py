import json
import math
import signal
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import pytest
from told_run import told_run

from orchestrator.evaluation.objective import Objective
from orchestrator.record import figure_worker, open_tracker
from orchestrator.record.manifest import asked_for
from orchestrator.record.pen import Pen
from orchestrator.record.recorder import RunRecorder
from orchestrator.record.trial_store import TrialStore
from orchestrator.report.what_mattered import Mattered, WhatMattered
from orchestrator.storage import checkpoint
from orchestrator.storage.checkpoint import Checkpoint
from orchestrator.storage.curve_file import curve_text
from orchestrator.storage.identity import Identity
from orchestrator.training.loss_curves import Curves

_METRIC = "validation/seen/r_mean"
_TASKS = 2


class _Tracker:
    """Keeps what it is told; the real one has its own tests."""

    def __init__(self):
        self.files, self.steps, self.ends, self.files_at_end, self.tagged = [], [], {}, {}, {}

    def knows(self, trial_id):
        return trial_id in self.ends

    def trial_start(self, trial_id, params, tags, searched, number):
        self.params, self.number = params, number

    def task(self, trial_id, step, metrics):
        self.steps.append((trial_id, step))
        self.metrics = metrics

    def tags(self, trial_id, tags):
        self.tagged[trial_id] = dict(tags)

    def artifact(self, trial_id, path, subfolder=None):
        assert path.exists()
        self.files.append((trial_id, path.name))

    def trial_end(self, trial_id, status, reason, score):
        self.ends[trial_id], self.score = (status, reason), score
        self.files_at_end[trial_id] = {name for _, name in self.files}


class _NoPen:
    """Draws nothing, at once: a trial's pictures take a second, and the process that draws one to start."""

    def submit(self, draw, *args):
        drawn = Future()
        drawn.set_result([])
        return drawn

    def close(self):
        pass


@pytest.fixture
def pictures(monkeypatch):
    """Makes the recorder of ``parts`` draw."""
    monkeypatch.setattr(figure_worker, "Pen", Pen)


@pytest.fixture
def parts(tmp_path, small_config, monkeypatch):
    monkeypatch.setattr(figure_worker, "Pen", _NoPen)
    tracker, said = _Tracker(), []
    store = TrialStore(tmp_path / "trials", Objective(_METRIC, "max"), _TASKS)
    base = small_config("ctp")
    run = told_run(tmp_path, base, ["first", "second"], "retrieval", said.append)
    recorder = RunRecorder(store, tracker, base.with_values, run, 3)
    yield recorder, tracker, said
    recorder.close()


def _walk(recorder, trial_id, values, status="finished", **searched):
    """What a lane leaves in a trial's folder, and the reports of its tasks."""
    folder = recorder.store.folder / trial_id
    searched = {key.replace("__", "."): value for key, value in searched.items()}
    recorder.start(trial_id, {"method.learning_rate": 1e-3, **searched})
    curves, reports, text = Curves(), [], ""
    for task, value in enumerate(values):
        report = {"task": task + 1, _METRIC: value, "seconds/train": 1.0}
        report |= {f"validation/task_{k + 1:02d}/r_mean": value for k in range(task + 1)}
        reports.append(report)
        checkpoint.save(folder, task, Checkpoint({}, {}, reports))
        curves.rows = [(task, "train", 0, "ita", 1.0)]
        text += curve_text(curves.rows, header=not task)
        (folder / "curves.csv").write_text(text)
        recorder.task(trial_id, report)
    recorder.end(trial_id, status)


def _kept(recorder, trial_id):
    return sorted(p.name for p in (recorder.store.folder / trial_id / "checkpoints").iterdir())


def test_a_run_that_is_opened_again_tells_the_record_what_its_book_alone_knows(
    tmp_path, small_config, monkeypatch
):
    config, identity = small_config("ctp"), Identity.new("c", "s")
    store = TrialStore(tmp_path / "trials", Objective(_METRIC, "max"), _TASKS, identity.stamp)
    store.start("a", {"method.learning_rate": 1e-3}, {})
    for task in (1, 2):
        named = {f"validation/task_{k + 1:02d}/r_mean": 50.0 for k in range(task)}
        store.report("a", {"task": task, _METRIC: 50.0, **named})
    store.end("a", "stopped")
    tracker = _Tracker()
    tracker.start, tracker.ended = (lambda *_, **__: None), tracker.ends.get
    monkeypatch.setattr(open_tracker, "Tracker", lambda *_, **__: tracker)
    run = replace(told_run(tmp_path, config, ["first", "second"], "retrieval", print), identity=identity)
    opened = RunRecorder.open(run, config.with_values, store.objective, 3, check_values=lambda *_: None)
    opened.close()
    assert tracker.steps == [("a", 1), ("a", 2)] and tracker.ends == {"a": ("stopped", None)}


def test_only_the_best_trial_keeps_all_its_checkpoints(parts):
    recorder, _, _ = parts
    _walk(recorder, "a", [50.0, 40.0])
    assert _kept(recorder, "a") == ["task_01", "task_02"]
    _walk(recorder, "b", [99.0], "stopped")
    _walk(recorder, "c", [50.0, 45.0])
    assert _kept(recorder, "a") == ["task_02"] and _kept(recorder, "b") == ["task_01"]
    assert _kept(recorder, "c") == ["task_01", "task_02"]
    assert recorder.store.best().id == "c", "a stopped trial is never the best"


def test_a_trial_that_may_yet_be_chosen_keeps_all_its_checkpoints(parts):
    """At a margin of 1 the smaller memory is chosen until a better leader rules it out."""
    recorder, _, _ = parts
    recorder.store.objective = Objective(_METRIC, "max", 1.0)
    chosen, kept = [], []
    for name, size, value in (("a", 256, 75.0), ("b", 128, 74.5), ("c", 64, 74.2), ("d", 256, 75.3)):
        _walk(recorder, name, [50.0, value], replay__size=size)
        chosen.append(recorder.store.best().id)
        kept.append({entry for entry in recorder.store.trials if len(_kept(recorder, entry)) == 2})
    assert chosen == ["a", "b", "c", "b"]
    assert kept == [{"a"}, {"a", "b"}, {"a", "b", "c"}, {"b", "d"}]


def test_pictures_and_configuration_reach_the_record(parts, pictures):
    recorder, tracker, said = parts
    _walk(recorder, "a", [50.0, 40.0])
    recorder.close()
    names = {"config.yaml", "matrix.csv", "matrix.png", "curves.csv", "curves.png"}
    assert {name for trial, name in tracker.files} == names
    assert tracker.files_at_end == {"a": names}, "a trial whose end is known has all of them"
    assert tracker.ends == {"a": ("finished", None)}
    assert any("trial 1/3 task 2/2 second: validation/seen/r_mean 40.0" in line for line in said)


def test_a_report_that_is_heard_again_is_said_once_and_left_to_the_tracker_to_know(parts):
    recorder, tracker, said = parts
    _walk(recorder, "a", [50.0, 40.0])
    known = len(said)
    recorder.task("a", {"task": 1, _METRIC: 50.0})
    assert len(said) == known and len(recorder.store.trials["a"].reports) == 2
    # A driver may have ended between the lane's writing and its own.
    assert tracker.steps == [("a", 1), ("a", 2), ("a", 1)]


def test_the_book_is_read_back_in_the_order_of_the_trials(parts):
    recorder, _, _ = parts
    for name in "zma":
        _walk(recorder, name, [1.0, 2.0])
    recorder.end("m", "failed", "loss term ita is nan")
    again = TrialStore(recorder.store.folder, recorder.store.objective, _TASKS)
    assert [(t.id, t.number) for t in again.trials.values()] == [("z", 0), ("m", 1), ("a", 2)]
    assert again.trials["m"].reason == "loss term ita is nan"
    assert "failed" in again.table() and math.isclose(again.trials["z"].values["method.learning_rate"], 1e-3)


class _Broken:
    """A storage or a journal that fails at everything."""

    def __getattr__(self, name):
        def fail(*_, **__):
            raise ConnectionError("no route to host")

        return fail


def test_errors_of_storage_and_record_are_said_once_and_change_no_trial(parts, tmp_path):
    recorder, _, said = parts
    recorder._records.tracker, recorder._copy.kept = _Broken(), _Broken()
    recorder._records.figures = _Broken()
    recorder._records.tracker.knows = lambda trial_id: False
    for name in ("a", "b"):
        _walk(recorder, name, [50.0, 40.0])
    assert [t.status for t in recorder.store.trials.values()] == ["finished", "finished"]
    again = TrialStore(recorder.store.folder, recorder.store.objective, _TASKS)
    assert [(t.status, len(t.reports)) for t in again.trials.values()] == [("finished", 2)] * 2
    assert sorted(line for line in said if "no route" in line) == [
        f"{what} lacks something (no route to host); it is made good when the run is resumed"
        for what in ("the record", "the storage")
    ]
    recorder._records.figures = type("Idle", (), {"close": lambda self: None})()


def test_a_book_that_cannot_be_written_stops_the_run_and_fails_no_trial(parts, monkeypatch):
    recorder, tracker, _ = parts
    recorder.start("a", {"method.learning_rate": 1e-3})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orchestrator.record.trial_store.write_text", full)
    assert not recorder.safely(recorder.end, "a", "finished")
    assert recorder.fatal.startswith("no space left: free some on the disk that holds")
    assert recorder.store.trials["a"].status == "running" and tracker.ends == {}


def test_a_picture_whose_process_is_killed_is_drawn_all_the_same(parts, pictures, monkeypatch):
    recorder, tracker, said = parts
    submit, killed = recorder._records.figures._submit, []

    def deadly(draw, args):
        future = submit(signal.raise_signal, (signal.SIGKILL,)) if not killed else submit(draw, args)
        killed.append(1)
        return future

    monkeypatch.setattr(recorder._records.figures, "_submit", deadly)
    _walk(recorder, "a", [50.0, 40.0])
    recorder.close()
    assert len(killed) == 2 and {"matrix.png", "curves.png"} <= {name for _, name in tracker.files}
    assert tracker.ends == {"a": ("finished", None)} and not [line for line in said if "pictures" in line]


def test_who_is_interrupted_while_pictures_are_drawn_waits_for_none(parts, pictures, monkeypatch):
    recorder, tracker, said = parts
    submit, close = recorder._records.figures._submit, recorder._records.figures.close
    monkeypatch.setattr(recorder._records.figures, "_submit", lambda *_: submit(time.sleep, (600,)))
    _walk(recorder, "a", [50.0, 40.0])
    (drawn,) = recorder._records.figures._under_way
    while not drawn.running() or recorder._records.figures._pen._process is None:
        time.sleep(0.001)
    process = recorder._records.figures._pen._process

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder._records.figures, "close", interrupted)
    lines = recorder.finish("finished", {}, {})
    assert lines == ["The record was not waited for; what it lacks is added when the run is resumed."]
    assert process.wait(20) == -signal.SIGKILL and recorder.hurried
    monkeypatch.setattr(recorder._records.figures, "close", close)
    recorder.close()
    assert not [line for line in said if "pictures" in line] and tracker.ends == {}


def test_a_picture_whose_process_is_killed_each_time_is_given_up(parts, monkeypatch):
    recorder, tracker, said = parts
    tried = []

    def deadly(draw, args):
        tried.append(1)
        assert len(tried) < 9, "for ever"
        future = Future()
        future.set_exception(BrokenProcessPool("it was killed"))
        return future

    monkeypatch.setattr(recorder._records.figures, "_submit", deadly)
    _walk(recorder, "a", [50.0, 40.0])
    assert len(tried) == 2 and tracker.ends == {"a": ("finished", None)}
    assert [line for line in said if "pictures" in line] == [
        "pictures of a could not be drawn: it was killed"
    ]


def test_of_trials_that_have_no_finite_objective_none_is_best(parts):
    recorder, _, _ = parts
    _walk(recorder, "a", [50.0, math.nan])
    assert recorder.store.best() is None
    _walk(recorder, "b", [50.0, -3.0])
    assert recorder.store.best().id == "b"


def test_all_checkpoints_stay_where_the_look_at_test_failed(parts):
    recorder, _, _ = parts
    _walk(recorder, "best", [50.0, 90.0])
    _walk(recorder, "a", [50.0, 40.0], "failed")
    assert _kept(recorder, "a") == ["task_01", "task_02"]


def test_what_the_journal_lacks_is_made_good_when_the_run_is_opened_again(parts, pictures, small_config):
    recorder, _, said = parts
    recorder._records.tracker.ended = lambda trial_id: None
    _walk(recorder, "a", [50.0, 40.0])
    recorder.close()
    fresh = _Tracker()
    fresh.ended, fresh.has_file = (lambda trial_id: None), (lambda trial_id, path: False)
    store = TrialStore(recorder.store.folder, recorder.store.objective, _TASKS)
    base = small_config("ctp")
    run = told_run(recorder.store.folder.parent, base, ["first", "second"], "retrieval", said.append)
    again = RunRecorder(store, fresh, base.with_values, run, 3)
    again.make_good()
    again.close()
    assert fresh.steps == [("a", 1), ("a", 2)] and fresh.ends == {"a": ("finished", None)}
    assert {"config.yaml", "matrix.csv", "matrix.png", "curves.png"} <= {name for _, name in fresh.files}


class _Kept:
    """A storage that notes what it is asked; ``brings`` comes with a pull."""

    def __init__(self, brings=None):
        self.asked, self._brings = [], brings

    def __getattr__(self, name):
        def ask(*args):
            self.asked.append((name, *args))
            if name == "pull" and self._brings:
                self._brings.parent.mkdir(parents=True)
                self._brings.write_text('{"test/average": 40.0}')

        return ask


def test_what_is_decided_is_kept_before_anybody_acts_on_it(parts):
    recorder, _, _ = parts
    recorder._copy.kept = kept = _Kept()
    recorder.propose("a", {"method.learning_rate": 1e-3}, 0)
    assert kept.asked == [("push_proposal", "a")]
    recorder.decide("a", 1, True)
    assert kept.asked[1:] == [("push_verdicts", "a")] and recorder.store.trials["a"].verdicts == {1: True}


def test_to_how_many_trials_a_budget_came_is_kept_too(parts):
    recorder, _, _ = parts
    recorder._copy.kept = kept = _Kept()
    recorder.came_to(7)
    assert kept.asked == [("push_manifest",)] and asked_for(recorder.store.folder.parent) == 7


def test_a_look_at_test_that_nobody_heard_of_is_found_at_the_storage(parts):
    recorder, tracker, _ = parts
    tracker.ended, tracker.has_file = (lambda trial_id: "finished"), (lambda trial_id, path: True)
    recorder.start("a", {"method.learning_rate": 1e-3})
    recorder._copy.kept = kept = _Kept(recorder.store.trial_folder("a") / "test" / "metrics.json")
    assert recorder.known_test("a") == recorder.known_test("a") == {"test/average": 40.0}
    assert kept.asked == [("pull", "a")] and tracker.steps == [("a", _TASKS)]


def test_where_all_are_tested_none_loses_its_checkpoints_before(parts):
    recorder, _, _ = parts
    recorder._checkpoints.all_tested = True
    _walk(recorder, "best", [50.0, 90.0])
    _walk(recorder, "a", [50.0, 40.0])
    assert _kept(recorder, "a") == ["task_01", "task_02"]
    (recorder.store.trial_folder("a") / "test").mkdir()
    (recorder.store.trial_folder("a") / "test" / "metrics.json").write_text('{"test/average": 40.0}')
    recorder.end("a", "finished")
    assert _kept(recorder, "a") == _kept(recorder, "best") == ["task_01", "task_02"]


def _look(recorder, trial_id):
    """A look at test, as a lane leaves it and tells of it."""
    (recorder.store.trial_folder(trial_id) / "test").mkdir()
    (recorder.store.trial_folder(trial_id) / "test" / "metrics.json").write_text('{"test/average": 40.0}')
    recorder.tested(trial_id, {"test/average": 40.0})


def test_with_keep_last_a_trial_of_train_keeps_its_last_checkpoint_once_it_was_tested(parts):
    recorder, _, _ = parts
    recorder._checkpoints.all_tested, recorder._checkpoints.keep = True, "last"
    _walk(recorder, "a", [50.0, 40.0])
    assert _kept(recorder, "a") == ["task_01", "task_02"]
    _look(recorder, "a")
    assert _kept(recorder, "a") == ["task_02"]


def test_with_keep_last_the_chosen_trial_of_a_sweep_keeps_all_checkpoints_until_it_was_tested(parts):
    recorder, _, _ = parts
    recorder.store.objective, recorder._checkpoints.keep = Objective(_METRIC, "max", 1.0), "last"
    _walk(recorder, "a", [50.0, 75.0], replay__size=256)
    _walk(recorder, "b", [50.0, 74.5], replay__size=128)
    _walk(recorder, "c", [50.0, 40.0], replay__size=64)
    assert [len(_kept(recorder, name)) for name in "abc"] == [2, 2, 1]
    assert recorder.store.best().id == "b"
    _look(recorder, "b")
    assert _kept(recorder, "b") == ["task_02"]
    assert _kept(recorder, "a") == ["task_01", "task_02"], "it may yet be chosen, and was not looked at"


def test_with_keep_all_nothing_is_deleted(parts):
    recorder, _, _ = parts
    recorder._checkpoints.keep = "all"
    _walk(recorder, "a", [50.0, 40.0])
    _walk(recorder, "b", [50.0, 60.0])
    _look(recorder, "b")
    assert _kept(recorder, "a") == _kept(recorder, "b") == ["task_01", "task_02"]


def test_a_look_at_test_leaves_its_matrix_as_a_tag_and_none_where_it_cannot_be_read(parts):
    recorder, tracker, _ = parts
    _walk(recorder, "a", [50.0, 40.0])
    recorder.tested("a", {"test/average": 30.0})
    assert tracker.tagged == {}, "there is no file"
    file = recorder.store.trial_folder("a") / "test" / "matrix.csv"
    file.parent.mkdir()
    file.write_text("after,x,y\nx,40.004,\ny,20.0,40.0\n")
    recorder.tested("a", {"test/average": 30.0})
    assert tracker.tagged == {"a": {"test.matrix": "[[40,null],[20,40]]"}}


def test_what_mattered_is_a_tag_too(parts):
    recorder, tracker, _ = parts
    folder = recorder.store.folder.parent / "importance"
    folder.mkdir()
    (folder / "importance.json").write_text("{}")
    what = WhatMattered(20, (Mattered("replay.size", 0.5, 0.01),))
    recorder.mattered(folder, what, [], [])
    kept = tracker.tagged[None]["importance"]
    assert kept == '{"trials":20,"found":[{"key":"replay.size","share":0.5,"p":0.01}]}'
    assert WhatMattered.read(json.loads(kept)) == what
