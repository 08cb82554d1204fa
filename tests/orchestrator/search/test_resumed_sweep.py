"""A finished sweep that is resumed, a sweep that is to have more trials, and a start that is refused. Trials
are simulated in this process, and no Ray is started.
"""

import json
import os
import re
import shutil
import signal
import socket
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from lane_here import draw_nothing

from orchestrator import sweep, train
from orchestrator.commands import check_inputs, check_run, run_start, sweep_run, train_run
from orchestrator.commands.run_objective import run_objective
from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.record import open_tracker
from orchestrator.record import recorder as recorder_module
from orchestrator.record.comparison.finished_runs import read_runs
from orchestrator.search import tuner
from orchestrator.storage import refused_start
from orchestrator.storage.free_name import is_free, put_run
from orchestrator.storage.run_files import JOURNAL_FILE
from orchestrator.storage.run_lock import run_lock
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.tracking.sender import Sender

_TASKS = 2
_SEARCH = sweep_run.search  # the real one
_SWEEP = ["clip-finetune", "--stream", "digits", "--name", "x"]
_SIX = """
method: clip-finetune
stream: digits
objective: {metric: validation/seen/accuracy, mode: max}
trials: 30
search:
  method.head: {type: categorical, choices: [linear, adapter]}
  method.epochs: {type: categorical, choices: [1, 2, 3]}
"""


@pytest.fixture
def played(tmp_path, monkeypatch):
    """What was asked for. ``searched`` is how many trials each search was to reach, ``tested`` is which
    trials were tested, ``refuses`` is the error with which a session does not start, ``sizes`` has the
    trials' memories where these are searched, and the learning rate of trial N is N times ``rate``.
    """
    found = SimpleNamespace(searched=[], tested=[], refuses=None, sizes=None, rate=1e-3)

    class Session:
        beside = None

        def __init__(self, request, **_):
            found.request = request

        def __enter__(self):
            if found.refuses is not None:
                raise found.refuses
            return self

        def __exit__(self, *_):
            pass

        def run(self, jobs, on_start, on_report, on_end, go):
            for job in jobs:
                on_start(job)
                for task in (1, 2):
                    on_report(job, {"task": task, "validation/average": 10.0})
                test = on_end(job, Outcome("finished"))
                if test is not None:
                    on_end(test, Outcome("finished", metrics=_tested(test.folder, test.stamp)))

    def search(run, space, session, recorder, trials, spending=None):
        found.searched.append(trials)
        for number in range(len(recorder.store.trials), trials):
            name, values = f"trial_{number + 1:04d}", {"method.learning_rate": found.rate * (number + 1)}
            if found.sizes:
                values["replay.size"] = found.sizes[number]
            recorder.propose(name, values, number)
            recorder.start(name, values, number)
            for task in (1, 2):
                recorder.task(name, {"task": task, space.objective.metric: 10.0 * (number + task)})
            recorder.end(name, "finished")
        return "finished"

    def look(run, space, session, recorder, best):
        found.tested.append(best.id)
        return _tested(recorder.store.trial_folder(best.id), run.identity.stamp(best.id, best.values))

    monkeypatch.setattr(sweep_run, "search", search)
    monkeypatch.setattr(sweep_run, "_look_at_test", look)
    for module in (sweep_run, train_run):
        monkeypatch.setattr(module, "Session", Session)
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    draw_nothing(monkeypatch)
    monkeypatch.setattr(open_tracker, "environment_tags", dict)
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return found


def _tested(trial, stamp):
    """The metrics that a test evaluation measures, and the files that it leaves."""
    found = {"test/average": 7.0}
    for which, task, score in (("own", 1, 9.0), ("own", 2, 8.0), ("last", 1, 5.0), ("last", 2, 8.0)):
        found[f"test/ctp/{which}/task_0{task}/r_mean"] = score
    (trial / "test").mkdir()
    (trial / "test" / "metrics.json").write_text(json.dumps({"stamp": stamp, **found}))
    return found


def _source():
    def split():
        pictures = ArrayPictures(np.zeros((3, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(3, np.int32), list("abc"))

    tasks = [
        TaskSource(f"t{k}", {name: split() for name in ("train", "validation", "test")}, range(k, k + 1))
        for k in range(_TASKS)
    ]
    return StreamSource("digits", "recognition", 2, list("ab"), tasks, "none", "same", templates=("{}",))


def test_a_finished_sweep_is_neither_started_nor_tested_again_and_offers_more_trials(
    played, tmp_path, capsys
):
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 0
    played.refuses = AssertionError("a session for nothing")
    metrics = tmp_path / "runs" / "x" / "trials" / "trial_0002" / "test" / "metrics.json"
    before = metrics.stat().st_mtime_ns
    capsys.readouterr()
    assert sweep.main(["--resume", "x"]) == 0
    assert (played.searched, played.tested) == ([2], ["trial_0002"]) and metrics.stat().st_mtime_ns == before
    said = capsys.readouterr().out
    assert "all 2 trials have ended, and the best was tested" in said
    assert "for more: python -m orchestrator.sweep --resume x --trials 3\n" in said


def test_the_record_says_where_a_sweep_began(played, tmp_path):
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 0
    assert sweep.main([*_SWEEP[:-1], "y", "--trials", "2", "--warm-start", "x"]) == 0
    journals = [(tmp_path / "runs" / name / JOURNAL_FILE).read_text("utf-8") for name in "xy"]
    assert ['"begins":"trial 2 of x"' in text for text in journals] == [False, True]


@pytest.mark.parametrize(
    ("trials", "value", "edge"),
    [("3", "0.03", ""), ("25", "0.25", "  (at the edge of its range, 1e-05 .. 0.3 (log))")],
)
def test_that_the_best_value_lies_at_the_edge_of_its_range_is_said(played, trials, value, edge, capsys):
    played.rate = 1e-2
    assert sweep.main([*_SWEEP, "--trials", trials]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  method.learning")]
    assert line == f"  method.learning_rate = {value}{edge}"


def test_how_many_run_at_once_and_how_many_tpe_proposes_is_said_before_the_session(played, capsys):
    for words, said in (
        (["--trials", "8"], "at most 2 trials at once (a quarter; --concurrent N for more)"),
        (["--trials", "8", "--concurrent", "2"], "2 trials at once"),
    ):
        assert sweep.main([*_SWEEP[:-1], words[-1], *words]) == 0
        assert (
            f"{said}; TPE proposes 4 of 8 trials; the others are drawn at random\n" in capsys.readouterr().out
        )
        # Fewer will do where nobody asked for so many.
        assert (played.request.lanes, played.request.at_most) == (2, "--concurrent" not in words)
        assert sweep.main([*_SWEEP[:-2], *words, "--dry-run"]) == 0
        shown = capsys.readouterr().out
        assert (
            "\n  TPE proposes 4 of 8 trials; the others are drawn at random\n" in shown
            and f"\n  {said}, on" in shown
        )


_MEMORY = """
method: clip-er
stream: digits
objective: {metric: validation/seen/accuracy, mode: max}
trials: 3
search:
  method.learning_rate: {type: float, low: 1.0e-4, high: 1.0e-1, log: true}
  replay.size: {type: categorical, choices: [20, 40]}
"""


@pytest.mark.parametrize(
    ("words", "chosen", "said"),
    [
        ([], 3, "trial 3 is best on validation; looking at test"),
        (
            ["--margin", "10"],
            2,
            "trial 2 is the smallest memory within 10 of trial 3, which has 40.00 with replay.size 40; "
            "looking at test",
        ),
    ],
)
def test_the_smallest_memory_within_the_margin_is_tested_and_the_worth_of_each_is_said(
    played, tmp_path, monkeypatch, words, chosen, said, capsys
):
    played.sizes = [20, 20, 40]
    (tmp_path / "memory.yaml").write_text(_MEMORY)
    words = ["clip-er", "--space", "memory.yaml", "--name", "m", *words]
    assert sweep.main(words) == 0
    out = capsys.readouterr().out
    assert said in out and played.tested == [f"trial_000{chosen}"]
    assert "What the memory is worth (validation; the best trial at each size)\n" in out
    assert f"Best configuration: trial {chosen}, " in out
    assert ("(runs/m/trials/trial_0003/config.yaml)" in out) is (chosen == 2)
    objective, _ = run_objective(tmp_path / "runs" / "m", "retrieval")
    assert objective.margin == (10 if chosen == 2 else 1), "whoever loads the run's best takes the same"
    assert sweep.main(["--resume", "m"]) == 0, "it is chosen again, and was tested"
    assert len(played.tested) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--margin", "-1"], "--margin -1: allowed are numbers from 0, in points of the objective"),
        (["--margin", "nan"], "--margin nan: allowed are numbers from 0"),
        (["--margin", "2"], "--margin 2: the search space does not search replay.size; allowed: without"),
    ],
)
def test_a_margin_that_could_do_nothing_is_refused(played, words, said):
    with pytest.raises(UserError, match=re.escape(said)):
        sweep.main([*_SWEEP, *words])


def test_a_sweep_that_is_gone_on_with_keeps_its_margin(played):
    sweep.main([*_SWEEP, "--trials", "2"])
    with pytest.raises(UserError, match="leave out --margin"):
        sweep.main(["--resume", "x", "--margin", "0"])


def test_more_trials_are_asked_for_once_and_the_best_of_all_is_tested(played, tmp_path, capsys):
    sweep.main([*_SWEEP, "--trials", "2"])
    assert sweep.main(["--resume", "x", "--trials", "4"]) == 0
    assert sorted(path.name for path in (tmp_path / "runs" / "x" / "trials").iterdir()) == [
        f"trial_000{number}" for number in (1, 2, 3, 4)
    ]
    assert played.tested == ["trial_0002", "trial_0004"]
    sweep.main(["--resume", "x"])
    assert sweep.main(["--resume", "x", "--trials", "4"]) == 0, "nothing is left to do"
    assert (played.searched, len(played.tested)) == ([2, 4], 2)
    for fewer in ("3", "1"):
        with pytest.raises(UserError, match=f"--trials {fewer}: the sweep was asked for 4; allowed"):
            sweep.main(["--resume", "x", "--trials", fewer])


def test_that_more_are_asked_for_is_remembered_where_they_did_not_come_to_begin(played, tmp_path, capsys):
    sweep.main([*_SWEEP, "--trials", "2"])
    played.refuses = UserError("no room")
    assert sweep.main(["--resume", "x", "--trials", "5"]) == 1
    assert (tmp_path / "runs" / "x" / "trials" / "trial_0002").exists(), "what was finished stays"
    played.refuses = None
    assert sweep.main(["--resume", "x"]) == 0
    assert played.searched == [2, 5]


def test_a_sweep_that_is_not_to_be_tested_is_not_by_whoever_goes_on_with_it(played, gone, tmp_path, capsys):
    """As a study's search."""
    played.refuses = KeyboardInterrupt()
    sweep.main([*_SWEEP, "--trials", "2"])
    request = tmp_path / "runs" / "x" / "sweep.yaml"
    request.write_text(request.read_text().replace("test: true", "test: false"))
    assert sweep.main(["--resume", "x", "--dry-run"]) == 0
    assert "\n  test data is left alone, as the sweep was asked to\n" in capsys.readouterr().out
    assert sweep.main([*_SWEEP[:-1], "y", "--dry-run"]) == 0 and "left alone" not in capsys.readouterr().out
    played.refuses = None
    assert sweep.main(["--resume", "x"]) == 0
    out = capsys.readouterr().out
    assert (
        "  test data was not looked at: the sweep was asked to leave it alone\n" in out
        and "--resume" not in out
    )
    gone()
    assert sweep.main(["--resume", "x"]) == 0, "nothing is left to do"
    out = capsys.readouterr().out
    assert "all 2 trials have ended\n" in out and "for more" not in out
    assert (played.searched, played.tested) == ([2], [])


@pytest.mark.parametrize(("values", "said"), [
    (["method.head=linear", "method.epochs=2"], "one point: 1 of the 30"),
    (["method.head=linear"], "3 points: 3 of the 30"),
    ([], "6 points: 6 of the 30"),
])  # fmt: skip
def test_a_sweep_has_no_more_trials_than_its_space_has_points(played, tmp_path, values, said, capsys):
    (tmp_path / "six.yaml").write_text(_SIX)
    more = ["--set", *values] if values else []
    assert sweep.main(["clip-finetune", "--space", "six.yaml", "--dry-run", *more]) == 0
    shown = capsys.readouterr().out
    assert f"the search space has {said} trials that were asked for" in shown
    assert f"Search: {said.split()[-4]} trial" in shown


def _closing(capsys):
    """What a command printed last, without the line on the record."""
    return capsys.readouterr().out.partition("\n\n")[2].partition("Compare in MLflow:")[0]


@pytest.mark.parametrize("module", [sweep, train])
def test_the_last_lines_set_each_checkpoint_beside_the_last_one(module, played, capsys):
    assert module.main([*_SWEEP, "--trials", "2"] if module is sweep else [*_SWEEP, "--seeds", "3", "4"]) == 0
    lines = _closing(capsys).splitlines()
    (begin,) = [n for n, line in enumerate(lines) if line.startswith("Checkpoints on test")]
    assert [line.split("  ")[1] for line in lines[begin + 1 : begin + 4]] == [
        "after task",
        "R_m",
        "R_m, last model",
    ]
    assert [line.split()[-2:] for line in lines[begin + 2 : begin + 4]] == [
        ["9.00", "8.00"],
        ["5.00", "8.00"],
    ]


_GONE = "weights, GPU or cluster are gone"


@pytest.fixture
def gone(monkeypatch, played):
    """From the call on, whoever looks for what a session needs finds nothing."""

    def look(*_, **__):
        raise UserError(_GONE)

    def go():
        monkeypatch.setattr(check_inputs, "check_inputs", look)
        played.refuses = AssertionError("a session for nothing")
        for name in ("check_here", "check_start"):
            monkeypatch.setattr(check_run, name, look)

    return go


def test_a_sweep_that_is_over_needs_nothing_but_for_more_trials(played, gone, tmp_path, capsys):
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 0
    closing = _closing(capsys)
    gone()
    for more in ([], ["--trials", "2"], ["--concurrent", "9"]):
        assert sweep.main(["--resume", "x", *more]) == 0
        assert _closing(capsys) == closing and "on test: average 7.0" in closing
    for wanted in ("3", "4"):  # what was refused is not remembered
        with pytest.raises(UserError, match=_GONE):
            sweep.main(["--resume", "x", "--trials", wanted])
    assert sweep.main(["--resume", "x"]) == 0 and played.tested == ["trial_0002"]


def test_a_run_whose_seeds_have_all_been_tested_needs_nothing(played, gone, tmp_path, capsys):
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--seeds", "3", "4"]
    assert train.main(line) == 0
    closing = _closing(capsys)
    gone()
    for more in ([], ["--concurrent", "9"]):
        assert train.main(["--resume", "x", *more]) == 0
        assert _closing(capsys) == closing and "over 2 runs" in closing
    (tmp_path / "runs" / "x" / "trials" / "seed_4" / "test" / "metrics.json").unlink()
    with pytest.raises(UserError, match=_GONE):
        train.main(["--resume", "x"])


def test_a_run_without_test_whose_seeds_have_all_been_trained_needs_nothing(played, gone, tmp_path, capsys):
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--seeds", "3", "4", "--no-test"]
    assert train.main(line) == 0
    closing = _closing(capsys)
    gone()
    assert train.main(["--resume", "x", "--no-test"]) == 0 and _closing(capsys) == closing
    with pytest.raises(UserError, match=_GONE):  # the look at test reads weights
        train.main(["--resume", "x"])
    (tmp_path / "runs" / "x" / "trials" / "seed_4" / "status.json").unlink()
    with pytest.raises(UserError, match=_GONE):
        train.main(["--resume", "x", "--no-test"])


def test_a_run_without_test_that_was_interrupted_is_gone_on_with_without_it(played, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(train_run, "Session", interrupt)
    assert train.main(["clip-finetune", "--stream", "digits", "--name", "x", "--no-test"]) == 130
    assert "python -m orchestrator.train --resume x --no-test\n" in capsys.readouterr().out


def test_test_data_is_left_alone_where_asked_and_looked_at_later(played, tmp_path, capsys):
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--seeds", "3", "4", "--no-test"]
    looked = tmp_path / "runs" / "x" / "trials"
    assert train.main(line) == 0 and not list(looked.glob("*/test"))
    closing = _closing(capsys)
    assert "Validation, mean and sample standard deviation over 2 runs\n" in closing
    assert re.search(r"^  average +10\.00 \+- 0\.00 %$", closing, re.M)
    assert "Test data was not looked at. For that: python -m orchestrator.train --resume x\n" in closing
    played.request = None
    assert train.main(["--resume", "x", "--no-test"]) == 0
    assert (
        played.request is None and "all have been trained: nothing is left to do" in capsys.readouterr().out
    )
    assert train.main(["--resume", "x"]) == 0 and len(list(looked.glob("*/test/metrics.json"))) == 2
    assert "Test, mean and sample standard deviation over 2 runs\n" in _closing(capsys)


@pytest.mark.parametrize("module", [sweep, train])
def test_a_run_whose_last_look_only_the_storage_has_is_over_too(module, played, gone, tmp_path, capsys):
    """The driver died before it heard of the test results, which a lane had put there."""
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--storage", f"file://{tmp_path}/store"]
    assert module.main([*line, *(["--trials", "2"] if module is sweep else [])]) == 0
    closing, tested = _closing(capsys), list(played.tested)
    (looked_at,) = tmp_path.glob("runs/x/trials/*/test/metrics.json")
    looked_at.unlink()
    gone()
    assert module.main(["--resume", "x"]) == 0
    assert _closing(capsys) == closing and looked_at.exists() and played.tested == tested


@pytest.mark.parametrize("module", [sweep, train])
@pytest.mark.parametrize("check", ["check_inputs", "check_here", "check_start"])
def test_a_run_that_is_not_over_is_refused_before_it_is_touched(played, module, check, monkeypatch, tmp_path):
    played.refuses = KeyboardInterrupt()
    assert module.main(["clip-finetune", "--stream", "digits", "--name", "x"]) == 130

    def look(*_, **__):
        raise UserError(_GONE)

    monkeypatch.setattr(check_inputs if check == "check_inputs" else check_run, check, look)
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file() and path.name != "run.lock"]
    before = {path: path.read_bytes() for path in files}
    with pytest.raises(UserError, match=_GONE):
        module.main(["--resume", "x"])
    assert {path: path.read_bytes() for path in files} == before
    with pytest.raises(UserError, match=_GONE):
        module.main(["clip-finetune", "--stream", "digits", "--name", "y"])
    assert not (tmp_path / "runs" / "y").exists()


@pytest.mark.parametrize("module", [sweep, train])
def test_what_a_resumed_run_is_refused_for_stands_below_what_it_has(module, played, tmp_path, capsys):
    """The refusal is that of a cluster on which no lane comes up. A new run that is refused has one line,
    since it has nothing to show.
    """
    more = ["--trials", "2"] if module is sweep else ["--seeds", "1", "2"]
    assert module.main(["clip-finetune", "--stream", "digits", "--name", "x", *more]) == 0
    if module is train:
        (tmp_path / "runs" / "x" / "trials" / "seed_2" / "test" / "metrics.json").unlink()
    capsys.readouterr()
    played.refuses = UserError("no lane came up")
    assert module.main(["--resume", "x", *(["--trials", "3"] if module is sweep else [])]) == 1
    said = capsys.readouterr().out.partition("\n\n")[2]
    kept = "Trials (validation; best first)" if module is sweep else "Test, one run\n  average"
    assert kept in said and "no lane came up" in said
    assert f"python -m orchestrator.{module.__name__.rpartition('.')[2]} --resume x" in said


@pytest.mark.parametrize("module", [sweep, train])
def test_a_second_ctrl_c_still_shows_what_the_lanes_have_finished(played, module, monkeypatch):
    caught_up, played.refuses = [], KeyboardInterrupt()
    monkeypatch.setattr(
        recorder_module.RunRecorder, "catch_up", lambda self: caught_up.append(played.refuses)
    )
    assert module.main(["clip-finetune", "--stream", "digits", "--name", "x"]) == 130
    assert caught_up[-1:] == [played.refuses] and len(caught_up) == (1 if module is sweep else 2)


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_folder_that_a_refused_start_could_not_remove_is_no_run(played, main, monkeypatch, tmp_path):
    """As on NFS, where a file that is open, as the lock is, goes once it is closed."""
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--storage", f"file://{tmp_path}/store"]
    folder = tmp_path / "runs" / "x"

    def late(path, **options):
        assert path == folder
        for child in [child for child in path.iterdir() if child.name != "run.lock"]:
            shutil.rmtree(child) if child.is_dir() else child.unlink()

    with monkeypatch.context() as patched:
        patched.setattr(refused_start, "shutil", SimpleNamespace(rmtree=late))
        played.refuses = UserError("no room")
        for _ in range(2):  # the name is free again
            with pytest.raises(UserError, match="no room"):
                main(line)
            assert [path.name for path in folder.iterdir()] == ["run.lock"]
    with pytest.raises(UserError, match="--resume x: there is no runs/x/.*; there are none"):
        main(["--resume", "x"])
    with pytest.raises(UserError, match="no runs in it"):
        read_runs(tmp_path / "runs")
    for left in (["run.lock"], []):
        for name in left:
            (folder / name).touch()
        played.refuses = KeyboardInterrupt()
        assert main(line) == 130 and (folder / "identity.json").exists()
        shutil.rmtree(folder)
        folder.mkdir()
        for name in left:
            (folder / name).touch()
        assert main(["--resume", "x", "--storage", f"file://{tmp_path}/store"]) == 130, "it comes back whole"
        assert (folder / "identity.json").exists()
        shutil.rmtree(folder)
        shutil.rmtree(tmp_path / "store" / "x")
        folder.mkdir()


@pytest.mark.parametrize(
    ("files", "free"),
    [([], True), (["run.lock"], True), (["run.lock", ".nfs0001"], False), (["sweep.yaml"], False)],
)
def test_a_name_is_free_where_nothing_of_a_run_is(files, free, tmp_path):
    for name in files:
        (tmp_path / name).touch()
    assert is_free(tmp_path) is free and is_free(tmp_path / "none")
    assert not any(is_free(tmp_path / name) for name in files), "a file is no folder"


def test_a_folder_that_is_filled_meanwhile_is_left_alone(tmp_path):
    made, folder = tmp_path / "made", tmp_path / "runs" / "x"
    made.mkdir()
    folder.mkdir(parents=True)
    for name in ("run.lock", "sweep.yaml"):
        (folder / name).write_text("another's")
    with pytest.raises(OSError, match="not empty"):
        put_run(made, folder)
    assert {path.name for path in folder.iterdir()} == {"run.lock", "sweep.yaml"} and made.exists()


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_start_that_is_refused_leaves_its_name_free_here_and_at_the_storage(
    played, tmp_path, main, monkeypatch, capsys
):
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--storage", f"file://{tmp_path}/store"]
    with monkeypatch.context() as wrong:
        wrong.setenv("MLFLOW_TRACKING_URI", "file:./mlruns")
        wrong.setattr(run_start, "new_folder", lambda *_: pytest.fail("a folder is made"))
        with pytest.raises(UserError, match="MLFLOW_TRACKING_URI"):
            main(line)
    played.refuses = UserError("a trial asks for 1 GPU; there is none")
    asked = []
    monkeypatch.setattr(Sender, "_work", lambda self: asked.append(self))
    for _ in range(2):
        with pytest.raises(UserError, match="1 GPU"):
            main(line)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert asked == [], "nothing of it is in MLflow"


def test_a_refused_run_whose_storage_cannot_be_cleared_is_kept_whole(played, tmp_path, monkeypatch):
    played.refuses = UserError("no room")
    line = [*_SWEEP, "--storage", f"file://{tmp_path}/store"]
    from orchestrator.storage.url_folder import Storage

    delete = Storage.delete

    def away(self, below):
        if not below:
            raise ConnectionError("no route to host")
        delete(self, below)

    monkeypatch.setattr(Storage, "delete", away)
    with pytest.raises(UserError, match="no room"):
        sweep.main(line)
    for place in ("runs", "store"):
        assert (tmp_path / place / "x" / "identity.json").exists()
    played.refuses = None
    assert sweep.main(["--resume", "x", "--storage", f"file://{tmp_path}/store", "--trials", "20"]) == 0


def test_what_was_interrupted_before_its_first_trial_is_gone_on_with_and_not_in_mlflow(
    played, tmp_path, monkeypatch, capsys
):
    played.refuses = KeyboardInterrupt()
    asked = []
    monkeypatch.setattr(Sender, "_work", lambda self: asked.append(self))
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 130
    assert asked == [] and "--resume x" in capsys.readouterr().out
    played.refuses = None
    assert sweep.main(["--resume", "x"]) == 0 and asked


def test_an_interruption_after_the_last_trial_leaves_the_look_at_test_for_later(played, monkeypatch, capsys):
    play, asked = sweep_run.search, []

    class Tuner:
        def __init__(self, *given):
            self._given = given

        def fit(self):
            run, space, session, recorder, trials, *_ = self._given
            play(run, space, session, recorder, trials)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sweep_run.Session, "finish_tasks", lambda _: asked.append("to end"), raising=False)
    monkeypatch.setattr(tuner, "_tuner", Tuner)
    monkeypatch.setattr(sweep_run, "search", _SEARCH)
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 130
    assert (played.searched, played.tested, asked) == ([2], [], ["to end"])
    assert capsys.readouterr().out.endswith("Go on with:\n  python -m orchestrator.sweep --resume x\n")
    assert sweep.main(["--resume", "x"]) == 0
    assert (played.searched, played.tested) == ([2], ["trial_0002"])


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_run_that_another_process_is_at_work_on_is_refused_and_nothing_of_it_is_touched(
    played, tmp_path, main
):
    played.refuses = KeyboardInterrupt()
    assert main(["clip-finetune", "--stream", "digits", "--name", "x"]) == 130
    folder = tmp_path / "runs" / "x"

    def touched():
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    with run_lock(folder):
        before = touched()
        who = rf"process {os.getpid()} on {socket.gethostname()}\)"
        for more in ([], ["--trials", "9"] if main is sweep.main else []):
            with pytest.raises(UserError, match=f"another process is at work on this run .{who}"):
                main(["--resume", "x", *more])
        assert touched() == before


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_storage_that_was_moved_is_given_once_and_nothing_is_made_where_it_was(played, tmp_path, main):
    old, new = tmp_path / "old", tmp_path / "new"
    played.refuses = KeyboardInterrupt()
    main(["clip-finetune", "--stream", "digits", "--name", "x", "--storage", str(old)])
    old.rename(new)
    with pytest.raises(UserError, match=f"file://{old}/x: holds nothing of run"):
        main(["--resume", "x"])
    assert not old.exists()
    assert main(["--resume", "x", "--storage", str(new)]) == 130
    assert main(["--resume", "x"]) == 130
    assert not old.exists() and [path.name for path in new.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("main", "file", "old", "new"),
    [
        (sweep.main, "space.yaml", "learning_rate: 1e-3", "learning_rate: 2e-3"),
        (sweep.main, "sweep.yaml", "trials: 2", "trials: 3"),
        (train.main, "config.yaml", "epochs: ", "epochs: 1"),
        (train.main, "train.yaml", "- 0", "- 1"),
    ],
)
def test_a_run_goes_on_with_what_it_was_asked_for_and_nothing_else(
    played, tmp_path, monkeypatch, main, file, old, new
):
    played.refuses = KeyboardInterrupt()
    more = ["--trials", "2"] if main is sweep.main else []
    assert main(["clip-finetune", "--stream", "digits", "--name", "x", *more]) == 130
    path = tmp_path / "runs" / "x" / file
    kept = path.read_text()
    path.write_text(kept.replace(old, new, 1))
    assert path.read_text() != kept
    with pytest.raises(UserError, match="runs/x: is of another configuration"):
        main(["--resume", "x"])
    path.write_text(kept)
    assert main(["--resume", "x"]) == 130
    changed = replace(_source(), fingerprint="other")
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: changed)
    with pytest.raises(UserError, match="runs/x: is of another stream's content"):
        main(["--resume", "x"])


def test_how_many_trials_run_at_once_may_change(played, tmp_path):
    played.refuses = KeyboardInterrupt()
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 130
    path = tmp_path / "runs" / "x" / "sweep.yaml"
    kept = path.read_text()
    path.write_text(re.sub("^concurrent:.*$", "concurrent: 1", kept, flags=re.MULTILINE))
    assert path.read_text() != kept and sweep.main(["--resume", "x"]) == 130
