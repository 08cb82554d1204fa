import errno
import fcntl
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.housekeeping.found_run import FoundRun
from orchestrator.housekeeping.runs_in import runs_in
from orchestrator.storage.run_lock import run_lock


def _state(folder, study=""):
    return FoundRun.of(folder, study).state


def test_a_sweep_is_finished_once_all_have_ended_and_the_best_was_tested(runs):
    whole = runs.sweep("a", [[50.0, 40.0], [60.0], [55.0, 45.0]], tested=[2])
    found = FoundRun.of(whole)
    assert (found.state, found.done, found.asked, found.score) == ("finished", 3, 3, 45.0)
    assert (found.kind, found.method, found.stream) == ("sweep", "er", "shapes-retrieval")
    assert _state(runs.sweep("b", [[50.0, 40.0], [60.0], [55.0, 45.0]], tested=[0])) == "interrupted"
    assert _state(runs.sweep("c", [[50.0, 40.0]], asked=2, tested=[0])) == "interrupted"
    assert _state(runs.sweep("d", [[50.0, 40.0], [50.0]], tested=[0], status={1: None})) == "interrupted"
    assert _state(runs.sweep("e", [[50.0], [60.0]])) == "failed", "no trial walked the whole stream"
    assert _state(runs.sweep("f", [[50.0], [60.0]], asked=3)) == "interrupted", "one may yet do so"


def test_a_search_of_a_study_is_finished_untested(runs):
    folder = runs.sweep("s-er", [[50.0, 40.0]])
    assert _state(folder) == "interrupted" and _state(folder, "s") == "finished"


def test_a_space_of_few_points_has_as_many_trials_as_it_has_points(runs):
    """The journal has the number that came of what was asked for."""
    folder = runs.sweep("a", [[50.0, 40.0]], tested=[0])
    request = (folder / "sweep.yaml").read_text()
    (folder / "sweep.yaml").write_text(request.replace("trials: 1", "trials: 16"))
    assert (FoundRun.of(folder).asked, _state(folder)) == (1, "finished")


def test_train_is_finished_once_it_is_tested_or_where_it_was_not_to_be(runs):
    found = FoundRun.of(runs.train("a", [[50.0, 40.0], [50.0, 42.0]]))
    assert (found.state, found.done, found.asked, found.score) == ("finished", 2, 2, 41.0)
    assert (found.method, found.stream, found.trials.tasks) == ("mma", "digits", 2)
    assert _state(runs.train("b", [[50.0, 40.0]], tested=False)) == "interrupted"
    assert _state(runs.train("c", [[50.0, 40.0]], tested=False, note="finished")) == "finished"
    assert _state(runs.train("d", [[50.0, 40.0]], tested=False, status=None)) == "interrupted"
    assert _state(runs.train("e", [[50.0]], tested=False, status="failed", note="failed")) == "failed"


def test_of_retrieval_the_score_is_r_m(runs):
    folder = runs.train("a", [[50.0, 40.0]], metric="validation/seen/r_mean")
    assert FoundRun.of(folder).score == 40.0


def test_a_study_counts_its_runs(runs):
    own = ["s-er", "s-er-pair1", "s-mma", "s-mma-pair1"]
    found = FoundRun.of(runs.study("s", ["er", "mma"], 1, done=own[:3]))
    assert (found.state, found.done, found.asked, found.method) == ("interrupted", 3, 4, "er, mma")
    (runs.folder / "s").rename(runs.folder / "x")
    assert _state(runs.study("s", ["er", "mma"], 1, done=own)) == "finished"
    (runs.folder / "s").rename(runs.folder / "y")
    assert _state(runs.study("s", ["er", "mma"], 1, done=own[:3], failed=own[3:])) == "failed"


def test_a_run_is_under_way_while_a_process_holds_it_and_not_when_that_one_was_killed(runs):
    folder = runs.sweep("a", [[50.0, 40.0]], tested=[0])
    with run_lock(folder):
        assert _state(folder) == "under way"
    assert _state(folder) == "finished"
    killed = "import os\nfrom pathlib import Path\nfrom orchestrator.storage.run_lock import run_lock\n"
    killed += f"with run_lock(Path({str(folder)!r})): os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", killed]).returncode == -9
    assert "process" in (folder / "run.lock").read_text() and _state(folder) == "finished"


def test_where_a_file_system_has_no_locks_a_process_that_lives_counts(runs, monkeypatch):
    def flock(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    folder = runs.sweep("a", [[50.0, 40.0]], tested=[0])
    with run_lock(folder):
        said = (folder / "run.lock").read_text()
    monkeypatch.setattr(fcntl, "flock", flock)
    (folder / "run.lock").write_text(said)
    assert _state(folder) == "under way"
    (folder / "run.lock").write_text(re.sub(r"process \d+", "process 4194305", said))
    assert _state(folder) == "finished"


def test_the_copy_of_a_run_that_is_under_way_is_not_under_way(runs, tmp_path):
    folder = runs.sweep("a", [[50.0, 40.0]], tested=[0])
    copy = runs.sweep("copy", [[50.0, 40.0]], tested=[0])
    with run_lock(folder):
        (copy / "run.lock").write_text((folder / "run.lock").read_text())
        assert _state(folder) == "under way" and _state(copy) == "finished"


def test_what_cannot_be_read_is_told_and_stops_nothing(runs):
    folder = runs.sweep("a", [[50.0, 40.0]])
    runs.train("b", [[50.0, 40.0]])
    (folder / "space.yaml").write_text("objective: 3\n")
    first, second = runs_in(runs.folder)
    assert (first.state, first.trials, first.score) == ("unreadable", None, None)
    assert "space.yaml: has no objective" in first.reason and second.state == "finished"


def test_what_another_user_keeps_closed_stops_nothing(runs, monkeypatch):
    closed = runs.sweep("a", [[50.0, 40.0]])
    partly = runs.sweep("b", [[50.0, 40.0]])
    runs.train("c", [[50.0, 40.0]])
    is_file, read_text = Path.is_file, Path.read_text

    def refuse(path, refused):
        if refused:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def is_file_there(path):
        refuse(path, path.parent == closed)
        return is_file(path)

    def read_there(path, *args, **how):
        refuse(path, partly in path.parents)
        return read_text(path, *args, **how)

    monkeypatch.setattr(Path, "is_file", is_file_there)
    monkeypatch.setattr(Path, "read_text", read_there)
    found = runs_in(runs.folder)
    assert [(run.name, run.state) for run in found] == [("b", "unreadable"), ("c", "finished")]
    assert "Permission denied" in found[0].reason


def test_to_look_at_a_run_writes_nothing(runs):
    """A driver that died between a proposal and its count leaves a manifest that counts too few."""
    folder = runs.sweep("a", [[50.0, 40.0], [50.0, 41.0]], tested=[1])
    (folder / "manifest.json").write_text('{"trials": 1}')
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert _state(folder) == "finished"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_the_manifest_says_how_many_tasks_there_are_before_a_trial_has_walked_them_all(runs):
    folder = runs.sweep("a", [[50.0], [60.0]], asked=4, status={1: None})
    assert FoundRun.of(folder).trials.tasks == 1
    (folder / "manifest.json").write_text('{"trials": 2, "tasks": 5}')
    assert FoundRun.of(folder).trials.tasks == 5


@pytest.mark.parametrize("other", ["features", "artifacts", "comparison", ".making-1", ".removing-1"])
def test_what_else_lies_in_the_folder_is_no_run(runs, other):
    (runs.folder / other / "a").mkdir(parents=True)
    (runs.folder / other / "a" / "sweep.yaml").write_text("")
    (runs.folder / "mlflow.db").write_text("")
    assert runs_in(runs.folder) == []
