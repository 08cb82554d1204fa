"""Every end of a sweep or a run has its closing lines. No Ray is started."""

import errno
import json
import os
import signal
import sys

import pytest
import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, OutOfMemoryError

from orchestrator import sweep, train
from orchestrator.commands import sweep_run, train_run
from orchestrator.commands.arguments import run_main
from orchestrator.commands.last_lines import last_lines
from orchestrator.commands.told_to_end import ToldToEnd
from orchestrator.execution import start_ray
from orchestrator.execution.ray_watch import RayLost
from orchestrator.execution.stopped_by import stopped_by
from orchestrator.record.recorder import RunRecorder
from orchestrator.tracking import Tracker
from orchestrator.tracking.sender import Sender

_SMALL = ["stream.tasks=2", "stream.train=8", "stream.validation=4", "stream.test=4"]
_BOTH = pytest.mark.parametrize("module", [sweep_run, train_run], ids=["sweep", "train"])


@pytest.fixture
def end(monkeypatch, tmp_path, capsys):
    """A module and what its session raises, or calls -> exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    monkeypatch.setattr(Tracker, "close", lambda self, *_: type("Sent", (), {"message": ""})())
    opened = RunRecorder.open.__func__

    def open_with_a_trial(cls, *given, **options):
        found = opened(cls, *given, **options)
        found.propose("trial_0001", {})
        return found

    monkeypatch.setattr(RunRecorder, "open", classmethod(open_with_a_trial))

    def run(module, error):
        class Session:
            def __init__(self, *_, **__):
                pass

            def __enter__(self):
                raise error if isinstance(error, BaseException) else error()

            def __exit__(self, *_):
                pass

        monkeypatch.setattr(module, "Session", Session)
        command = sweep if module is sweep_run else train
        with pytest.raises(SystemExit) as ended:
            run_main(command.main, ["clip-finetune", "--name", "x", "--set", *_SMALL])
        return ended.value.code, *capsys.readouterr()

    return run


def _record(folder):
    lines = [json.loads(line) for line in (folder / "runs/x/tracking.jsonl").read_text().splitlines()]
    (end,) = [line for line in lines if line["op"] == "end" and line["run"] == ""]
    return end["tags"]["status"], end["status"]


_DIED = "The actor died unexpectedly before finishing this task."


@_BOTH
@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            RayLost("Ray's own process raylet (pid 7) has died (signal 9)"),
            "Ray's own process raylet (pid 7) has died (signal 9)",
        ),
        (ActorDiedError(), _DIED),
        (GetTimeoutError("no answer\nin time"), "no answer in time"),
    ],
)
def test_where_ray_is_gone_one_line_says_why_and_the_last_one_how_to_go_on(
    end, module, error, line, tmp_path
):
    status, out, errors = end(module, error)
    command = "sweep" if module is sweep_run else "train"
    assert (status, errors) == (1, "")
    assert [text for text in out.splitlines() if text.startswith("Stopped: ")] == [f"Stopped: {line}"]
    assert out.endswith(f"Go on with:\n  python -m orchestrator.{command} --resume x\n")
    assert "Traceback" not in out and _record(tmp_path) == ("interrupted", "KILLED")


@_BOTH
def test_what_nobody_foresaw_has_them_too_before_its_traceback(end, module, tmp_path, capsys):
    with pytest.raises(ZeroDivisionError):
        end(module, ZeroDivisionError("by zero"))
    command = "sweep" if module is sweep_run else "train"
    out = capsys.readouterr().out
    assert out.endswith(f"Go on with:\n  python -m orchestrator.{command} --resume x\n")
    assert "Stopped: ZeroDivisionError: by zero" in out and _record(tmp_path)[0] == "interrupted"


@_BOTH
def test_an_interruption_has_them(end, module, tmp_path):
    status, out, errors = end(module, KeyboardInterrupt())
    assert status == 130 and "Stopped: " not in out
    command = "sweep" if module is sweep_run else "train"
    assert out.endswith(
        "\n\nInterrupted.\n\nEverything finished so far is recorded. Go on with:\n"
        f"  python -m orchestrator.{command} --resume x\n"
    )
    assert "\n\n\n" not in out
    assert _record(tmp_path) == ("interrupted", "KILLED")


@pytest.fixture
def usual():
    """Signals as a command finds them, whatever started the tests."""
    own = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@_BOTH
def test_sigterm_while_ray_starts_has_them_and_the_status_of_sigterm(
    end, module, usual, monkeypatch, tmp_path
):
    def init(**_):
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # as Ray does
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(ray, "init", init)
    status, out, errors = end(module, lambda: start_ray._init({}))
    command = "sweep" if module is sweep_run else "train"
    assert (status, errors) == (143, "")
    assert out.endswith(f"Go on with:\n  python -m orchestrator.{command} --resume x\n")
    assert _record(tmp_path) == ("interrupted", "KILLED")


def test_of_a_full_memory_who_uses_it_is_said_and_not_what_ray_counts():
    full = "1 worker(s) were killed due to the node running low on memory. Object store usage: [- 0 ...]"
    line, foreseen = stopped_by(OutOfMemoryError(full))
    assert foreseen and line.startswith("memory: ") and "GiB of this machine are in use, most by " in line
    assert "Ray ends workers, 1 of them since" in line and "Object store" not in line


def test_the_signal_that_came_is_named_and_empty_blocks_take_no_room(monkeypatch):
    monkeypatch.setattr(ToldToEnd, "by", "SIGTERM")
    how = "Everything finished so far is recorded. Go on with:\n  again"
    assert last_lines([[], ["a", "b"], []], "", True, "again") == (
        f"a\nb\n\nInterrupted by SIGTERM.\n\n{how}"
    )
    assert last_lines([], "disk", True, "again") == f"Stopped: disk\n\n{how}"
    assert last_lines([["a"]], "", False, "") == "a"


class _Ended:
    """A session in which nothing is left to do."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, *_, **__):
        pass


@_BOTH
def test_so_has_one_that_comes_while_the_record_is_finished(module, monkeypatch, tmp_path, capsys):
    def waits(self):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Sender, "_work", lambda self: None)
    monkeypatch.setattr(RunRecorder, "close", waits)
    monkeypatch.setattr(module, "Session", _Ended)
    if module is sweep_run:
        monkeypatch.setattr(module, "search", lambda *_: "finished")
    command = "sweep" if module is sweep_run else "train"
    with pytest.raises(SystemExit) as ended:
        run_main(
            sweep.main if module is sweep_run else train.main,
            ["clip-finetune", "--name", "x", "--set", *_SMALL],
        )
    out, errors = capsys.readouterr()
    assert (ended.value.code, errors) == (130, "")
    assert "The record was not waited for; what it lacks is added when the run is resumed." in out
    assert out.endswith(f"Go on with:\n  python -m orchestrator.{command} --resume x\n")


@_BOTH
def test_one_before_the_first_trial_leaves_the_name_free(module, monkeypatch, tmp_path, capsys):
    def opens(*_, **__):
        assert (tmp_path / "runs/x/identity.json").exists()
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RunRecorder, "open", opens)
    with pytest.raises(SystemExit) as ended:
        run_main(
            sweep.main if module is sweep_run else train.main,
            ["clip-finetune", "--name", "x", "--set", *_SMALL, "--storage", "kept"],
        )
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted\n")
    assert not list((tmp_path / "runs").iterdir()) and not (tmp_path / "kept/x").exists()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_place_that_cannot_be_written_to_is_one_line(number, monkeypatch, tmp_path, capsys):
    real = os.mkdir

    def mkdir(path, *given, **options):
        if "runs" in os.fspath(path):
            raise OSError(number, os.strerror(number), os.fspath(path))
        real(path, *given, **options)

    monkeypatch.setattr(os, "mkdir", mkdir)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_main(sweep.main, ["clip-finetune", "--name", "x", "--set", *_SMALL])
    errors = capsys.readouterr().err
    assert ended.value.code == 2 and errors.count("\n") == 1
    assert errors == (
        f"error: {tmp_path}/runs/x: cannot be made ({os.strerror(number)}); allowed: a working folder, or "
        "runs in it, that you may write to\n"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        (errno.EROFS, "on a disk that can be written to"),
        (errno.EACCES, "that you may read and write"),
        (errno.EPERM, "that you may read and write"),
    ],
)
@pytest.mark.parametrize("name", ["trials/a.json", "/elsewhere/a.json", b"trials/a.json"])
def test_a_file_that_nobody_asks_about_and_that_is_refused_is_one_line(
    number, allowed, name, monkeypatch, tmp_path, capsys
):
    def main(_):
        raise OSError(number, os.strerror(number), name)

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_main(main, [])
    place = name if name == "/elsewhere/a.json" else f"{tmp_path}/trials/a.json"
    line = f"error: {place}: {os.strerror(number).lower()}; allowed: a place {allowed}\n"
    assert (ended.value.code, capsys.readouterr().err) == (2, line)


def test_other_errors_keep_their_traceback():
    def main(_):
        raise PermissionError(errno.EPERM, "of no file that could be named")

    with pytest.raises(PermissionError):
        run_main(main, [])
    with pytest.raises(FileNotFoundError):
        run_main(lambda _: os.stat("/nowhere/at/all"), [])
