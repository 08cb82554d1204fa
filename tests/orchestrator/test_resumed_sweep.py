"""A finished sweep that is resumed, one that is to have more trials, and a start that is refused. Trials are
played in this process: no Ray is started.
"""

import json
import os
import re
import socket
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from orchestrator import search_run, sweep, train, train_run, watch
from orchestrator.errors import UserError
from orchestrator.run_lock import run_lock
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource
from orchestrator.tracking import Tracker

_TASKS = 2
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


class _Pictures:
    """An artist that draws none."""

    def __init__(self, *_):
        pass

    def trial(self, *given):
        given[-1]()

    def test(self, *_):
        pass

    close = test


@pytest.fixture
def played(tmp_path, monkeypatch):
    """What was asked: ``searched``, how many trials each search was to come to; ``tested``, which trials were
    looked at; ``refuses``, with what a session does not start.
    """
    found = SimpleNamespace(searched=[], tested=[], refuses=None)

    class Session:
        def __init__(self, *_, **__):
            pass

        def __enter__(self):
            if found.refuses is not None:
                raise found.refuses
            return self

        def __exit__(self, *_):
            pass

    def search(folder, identity, space, session, watch, trials, storage):
        found.searched.append(trials)
        for number in range(len(watch.book.trials), trials):
            name, values = f"trial_{number + 1:04d}", {"method.learning_rate": 1e-3 * (number + 1)}
            watch.propose(name, values, number)
            watch.start(name, values, number)
            for task in (1, 2):
                watch.task(name, {"task": task, space.objective.metric: 10.0 * (number + task)})
            watch.end(name, "finished")
        return "finished"

    def look(session, identity, space, watch, best, *_):
        found.tested.append(best.id)
        place = watch.book.place(best.id) / "test" / "metrics.json"
        place.parent.mkdir()
        place.write_text(json.dumps({"stamp": identity.stamp(best.id, best.values), "test/average": 7.0}))
        return {"test/average": 7.0}

    monkeypatch.setattr(search_run, "search", search)
    monkeypatch.setattr(search_run, "_test", look)
    for module in (search_run, train_run):
        monkeypatch.setattr(module, "Session", Session)
        monkeypatch.setattr(module, "fit_tokenizer", lambda *_: None)
    monkeypatch.setattr(Tracker, "_work", lambda self: None)
    monkeypatch.setattr(watch, "Artist", _Pictures)
    monkeypatch.setattr(watch, "environment_tags", dict)
    monkeypatch.setattr(registry.get("digits"), "load", lambda config, skip_bad: _source())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
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
    with pytest.raises(UserError, match="no room"):
        sweep.main(["--resume", "x", "--trials", "5"])
    assert (tmp_path / "runs" / "x" / "trials" / "trial_0002").exists(), "what was finished stays"
    played.refuses = None
    assert sweep.main(["--resume", "x"]) == 0
    assert played.searched == [2, 5]


@pytest.mark.parametrize(("values", "said"), [
    (["method.head=linear", "method.epochs=2"], "one point: 1 of the 30"),
    (["method.head=linear"], "3 points: 3 of the 30"),
    ([], "6 points: 6 of the 30"),
])  # fmt: skip
def test_a_sweep_has_no_more_trials_than_its_space_has_points(played, tmp_path, values, said, capsys):
    (tmp_path / "six.yaml").write_text(_SIX)
    more = ["--set", *values] if values else []
    assert sweep.main(["six.yaml", "--dry-run", *more]) == 0
    shown = capsys.readouterr().out
    assert f"the search space has {said} trials that were asked for" in shown
    assert f"Search: {said.split()[-4]} trial" in shown


@pytest.mark.parametrize("main", [sweep.main, train.main])
def test_a_start_that_is_refused_leaves_its_name_free_here_and_at_the_storage(
    played, tmp_path, main, monkeypatch, capsys
):
    line = ["clip-finetune", "--stream", "digits", "--name", "x", "--storage", f"file://{tmp_path}/store"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:./mlruns")
    with pytest.raises(UserError, match="MLFLOW_TRACKING_URI"):
        main(line)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    played.refuses = UserError("a trial asks for 1 GPU; there is none")
    asked = []
    monkeypatch.setattr(Tracker, "_work", lambda self: asked.append(self))
    for _ in range(2):
        with pytest.raises(UserError, match="1 GPU"):
            main(line)
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert asked == [], "nothing of it is in MLflow"


def test_a_refused_run_whose_storage_cannot_be_cleared_is_kept_whole(played, tmp_path, monkeypatch):
    played.refuses = UserError("no room")
    line = [*_SWEEP, "--storage", f"file://{tmp_path}/store"]
    from orchestrator.storage import Storage

    delete = Storage.delete

    def away(self, below):
        if not below:
            raise ConnectionError("no route to host")
        delete(self, below)

    monkeypatch.setattr(Storage, "delete", away)
    with pytest.raises(UserError, match="no room"):
        sweep.main(line)
    played.refuses = None
    assert sweep.main(["--resume", "x", "--storage", f"file://{tmp_path}/store", "--trials", "20"]) == 0


def test_what_was_interrupted_before_its_first_trial_is_gone_on_with_and_not_in_mlflow(
    played, tmp_path, monkeypatch, capsys
):
    played.refuses = KeyboardInterrupt()
    asked = []
    monkeypatch.setattr(Tracker, "_work", lambda self: asked.append(self))
    assert sweep.main([*_SWEEP, "--trials", "2"]) == 130
    assert asked == [] and "--resume x" in capsys.readouterr().out
    played.refuses = None
    assert sweep.main(["--resume", "x"]) == 0 and asked


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
