import os
import subprocess
import sys

import pytest

from orchestrator import sweep
from orchestrator.errors import UserError
from orchestrator.housekeeping import asked_on_terminal, remove_runs
from orchestrator.housekeeping.aside import left_asides, new_aside, put_aside
from orchestrator.housekeeping.disk_use import DiskUse
from orchestrator.housekeeping.list_runs import list_runs
from orchestrator.schema.shown import shown_bytes
from orchestrator.storage.reference_name import reference_name
from orchestrator.storage.run_lock import run_lock
from orchestrator.tracking.journal import Journal


def _rm(runs, *names, answer=True):
    """Returns whether they were removed, the question, and the lines."""
    asked, said = [], []

    def agree(question):
        asked.append(question)
        return answer

    done = remove_runs.remove_runs(runs.folder, names, agree, said.append)
    return done, asked, said


def _names(runs):
    return sorted(path.name for path in runs.folder.iterdir())


def test_what_goes_is_said_and_asked_and_what_lies_beside_it_stays(runs):
    for name in "abc":
        runs.sweep(name, [[50.0, 40.0]], tested=[0])
    (runs.folder / "mlflow.db").write_text("")
    done, asked, said = _rm(runs, "a", "b", answer=False)
    assert not done and said[-1] == "nothing was removed" and _names(runs) == ["a", "b", "c", "mlflow.db"]
    one = DiskUse.of(runs.folder / "a").bytes
    assert 2000 < one < 4000 and asked == [f"Remove 2 runs, {shown_bytes(2 * one)}?"]
    done, asked, said = _rm(runs, "a", "b", "a")
    assert done and _names(runs) == ["c", "mlflow.db"]
    assert said[:2] == [f"{name}: sweep, finished, {shown_bytes(one)}" for name in "ab"]
    assert said[2:] == [f"removed 2 runs, {shown_bytes(2 * one)}; the record in MLflow stays"]


def test_a_run_that_is_under_way_is_refused_and_nothing_of_the_others_goes(runs):
    runs.sweep("a", [[50.0, 40.0]])
    folder = runs.sweep("b", [[50.0, 40.0]])
    with run_lock(folder), pytest.raises(UserError, match="b: another process is at work on this run"):
        _rm(runs, "a", "b")
    journal = Journal(folder)
    assert journal.hold()
    with pytest.raises(UserError, match="b: its record is being sent"):
        _rm(runs, "a", "b")
    journal.release()
    assert _names(runs) == ["a", "b"] and _rm(runs, "a", "b")[0]


def test_while_it_asks_nobody_can_begin_to_work_on_the_run(runs):
    folder = runs.sweep("a", [[50.0, 40.0]])

    def agree(question):
        with pytest.raises(UserError, match="another process"), run_lock(folder):
            pass
        return False

    remove_runs.remove_runs(runs.folder, ["a"], agree, lambda line: None)
    with run_lock(folder):
        pass


def test_a_study_takes_its_runs_along_and_none_of_them_goes_alone(runs):
    runs.study("s", ["er", "mma"], 1)
    for name in ("s-er", "s-mma", "s-mma-pair1", "s-other"):
        runs.sweep(name, [[50.0, 40.0]])
    with pytest.raises(UserError, match="rm s-er: the study s needs it; allowed: rm s, which takes its runs"):
        _rm(runs, "s-er")
    assert len(_names(runs)) == 5
    done, _, said = _rm(runs, "s-mma", "s")
    assert [line.partition(":")[0] for line in said[:-1]] == ["s", "s-mma", "s-er", "s-mma-pair1"]
    assert _names(runs) == ["s-other"]


def test_a_reference_run_is_no_studys_own(runs):
    reference = reference_name("joint", "digits", 1, "0" * 12)
    runs.study("s", ["er"], 1, done=["s-er", reference])
    runs.sweep("s-er", [[1.0, 2.0]])
    runs.train(reference, [[1.0, 2.0]])
    assert _rm(runs, "s")[0] and (runs.folder / reference).is_dir() and not (runs.folder / "s-er").exists()
    runs.study("t", ["er"], 1, done=[reference])
    (runs.folder / "t" / "study.yaml").write_text("methods: 3\n")
    assert _rm(runs, reference)[0] and not (runs.folder / reference).exists()


def test_of_a_study_that_cannot_be_read_no_run_goes(runs):
    folder = runs.study("s", ["er"], 1, done=["old-name"])
    runs.sweep("s-er", [[50.0, 40.0]])
    runs.sweep("old-name", [[50.0, 40.0]])
    (folder / "study.yaml").write_text("methods: 3\n")
    for name in ("s-er", "old-name", "s"):
        with pytest.raises(UserError, match=f"^rm {name}: "):
            _rm(runs, name)
    assert len(_names(runs)) == 3


@pytest.mark.parametrize(
    "name", ["features", "x", "..", "../elsewhere", "/tmp", "a/trials", ".removing-1", ""]
)
def test_what_is_no_run_is_refused_and_nothing_goes(runs, name, tmp_path):
    runs.sweep("a", [[50.0, 40.0]])
    (runs.folder / "features").mkdir()
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(UserError, match="^rm ") as error:
        _rm(runs, "a", name)
    assert "\n" not in str(error.value)
    assert _names(runs) == ["a", "features"] and (tmp_path / "elsewhere").exists()


def test_a_link_is_refused_and_one_inside_a_run_is_not_followed(runs, tmp_path):
    elsewhere = runs.sweep("a", [[50.0, 40.0]]).rename(tmp_path / "elsewhere")
    (runs.folder / "linked").symlink_to(elsewhere)
    with pytest.raises(UserError, match="rm linked: .*linked is a link"):
        _rm(runs, "linked")
    folder = runs.sweep("b", [[50.0, 40.0]])
    (folder / "more").symlink_to(elsewhere)
    done, _, said = _rm(runs, "b")
    assert said[1] == f"  {folder / 'more'} is a link; what it leads to stays"
    assert _names(runs) == ["linked"] and (elsewhere / "sweep.yaml").exists()


def test_a_study_does_not_take_along_what_a_link_leads_to(runs, tmp_path):
    elsewhere = runs.sweep("s-er", [[50.0, 40.0]]).rename(tmp_path / "elsewhere")
    (runs.folder / "s-er").symlink_to(elsewhere)
    runs.study("s", ["er"], 1)
    assert _rm(runs, "s")[0] and _names(runs) == ["s-er"] and (elsewhere / "sweep.yaml").exists()


def test_what_stays_elsewhere_and_what_mlflow_lacks_is_said(runs):
    folder = runs.sweep("a", [[50.0, 40.0]], storage="s3://bucket/x")
    with open(folder / "tracking.jsonl", "a") as file:
        file.write('{"op":"metrics","run":"t"}\n' * 3)
    _, _, said = _rm(runs, "a")
    send = "python -m orchestrator.tracking send runs/a"
    assert said[1:3] == [
        f"  3 records of it are not in MLflow, and go with it; {send} sends them",
        "  its copy at s3://bucket/x stays; --resume a --storage s3://bucket/x brings it back",
    ]


_KILLED = """
import os, shutil, sys
from pathlib import Path
from orchestrator.housekeeping.remove_runs import remove_runs
real = os.rmdir
def rmdir(path, *args, **more):
    real(path, *args, **more)
    os.kill(os.getpid(), 9)
os.rmdir = rmdir  # the first folder that is empty: the run is half gone
remove_runs(Path("runs"), ["a"], lambda question: True, print)
"""


def test_a_run_that_was_removed_by_half_is_none_and_the_next_command_goes_on(runs, tmp_path):
    runs.sweep("a", [[50.0, 40.0], [50.0, 41.0]])
    runs.train("b", [[50.0, 40.0]])
    assert subprocess.run([sys.executable, "-c", _KILLED], cwd=tmp_path).returncode == -9
    (aside,) = left_asides(runs.folder)
    assert _names(runs) == [aside.name, "b"] and any((aside / "a").rglob("*.safetensors"))
    with pytest.raises(UserError, match="there is no such run|is no run"):
        _rm(runs, "a")
    assert _names(runs) == ["b"], "that rm went on"
    put_aside(runs.sweep("c", [[50.0, 40.0]]), new_aside(runs.folder))
    # what compare and --resume find
    assert [path.parent.name for path in runs.folder.glob("*/trials")] == ["b"]
    assert list(runs.folder.glob("*/sweep.yaml")) == []
    assert "\nc " not in list_runs(runs.folder) and _names(runs) == ["b"], "list goes on as well"


def test_what_another_command_is_deleting_is_left_to_it(runs):
    aside = new_aside(runs.folder)
    folder = runs.sweep("a", [[50.0, 40.0]])
    with run_lock(folder):
        put_aside(folder, aside)
        assert list(left_asides(runs.folder)) == []
    assert list(left_asides(runs.folder)) == [aside]


def test_a_folder_that_cannot_be_moved_is_one_line_and_stays(runs, monkeypatch):
    runs.sweep("a", [[50.0, 40.0]])
    runs.sweep("b", [[50.0, 40.0]])
    real = os.rename

    def rename(old, new):
        if old.name == "b":
            raise OSError(16, "Device or resource busy")
        real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(UserError, match="b: cannot be removed .Device or resource busy."):
        _rm(runs, "a", "b")
    assert _names(runs) == ["b"]


def test_on_the_command_line_it_asks_a_terminal_and_elsewhere_takes_yes(runs, monkeypatch, capsys):
    runs.sweep("a", [[50.0, 40.0]])
    with pytest.raises(UserError, match="Nobody can be asked here; allowed: --yes"):
        sweep.main(["rm", "a"])
    terminal = type("Terminal", (), {"isatty": lambda self: True})()
    monkeypatch.setattr(asked_on_terminal.sys, "stdin", terminal)
    for answer in ("", "n", "no", "nay"):
        monkeypatch.setattr("builtins.input", lambda question, answer=answer: answer)
        assert sweep.main(["rm", "a"]) == 0 and _names(runs) == ["a"]
    monkeypatch.setattr("builtins.input", lambda question: "Y")
    assert sweep.main(["rm", "a"]) == 0 and _names(runs) == []
    runs.sweep("b", [[50.0, 40.0]])
    monkeypatch.setattr("builtins.input", None)
    assert sweep.main(["rm", "b", "--yes"]) == 0 and _names(runs) == []
    assert "removed 1 run, 3.1 kB" in capsys.readouterr().out
