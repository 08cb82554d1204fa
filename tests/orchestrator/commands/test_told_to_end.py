"""Signals that end a command. No Ray is started."""

import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from orchestrator.commands import told_to_end as module
from orchestrator.commands.arguments import run_main
from orchestrator.commands.told_to_end import ToldToEnd
from orchestrator.search.interrupt import on_first_interrupt
from orchestrator.search.tune_callback import TuneCallback

_ALL = [
    (signal.SIGTERM, 143),
    (signal.SIGHUP, 129),
    (signal.SIGUSR1, 138),
    (signal.SIGUSR2, 140),
    (signal.SIGXCPU, 152),
]


@pytest.fixture(autouse=True)
def usual():
    """Signals as a command finds them, whatever started the tests."""
    names = (signal.SIGINT, *(number for number, _ in _ALL))
    before = {number: signal.getsignal(number) for number in names}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in names[1:]:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), _ALL)
def test_a_request_to_end_is_taken_as_ctrl_c_is(number, status, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "_ONE", 0.0)
    with pytest.raises(KeyboardInterrupt), ToldToEnd() as told, on_first_interrupt(lambda: asked.append(1)):
        signal.raise_signal(number)
        assert asked == [1]
        signal.raise_signal(signal.SIGTERM if number == signal.SIGXCPU else number)
        pytest.fail("the second is none")
    assert told.by == number.name
    assert asked == [1] and [told.status(s) for s in (0, 1, 130)] == [0, 1, status]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_what_comes_twice_at_once_is_one_request(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    asked = []
    with pytest.raises(KeyboardInterrupt), ToldToEnd(), on_first_interrupt(lambda: asked.append(1)):
        for number, now[0] in ((signal.SIGHUP, 100.0), (signal.SIGHUP, 100.5), (signal.SIGTERM, 100.9)):
            signal.raise_signal(number)
        asked.append("still here")
        now[0] = 102.0
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("the second is none")
    assert asked == [1, "still here"]


def test_what_the_kernel_says_of_the_cpu_with_every_second_is_one_request(monkeypatch):
    now, asked = [100.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with pytest.raises(KeyboardInterrupt), ToldToEnd(), on_first_interrupt(lambda: asked.append(now[0])):
        for now[0] in (100.0, 105.0, 110.0):
            signal.raise_signal(signal.SIGXCPU)
        assert asked == [100.0]
        now[0] = 110.5
        signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def usr1():
    usual = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, usual)


def test_tune_takes_no_signal_of_the_commands_and_is_told_by_its_own(usr1):
    from ray.tune.tune import _setup_signal_catching

    heard = []
    bridge = SimpleNamespace(over=False, look=lambda: None)
    signal.signal(signal.SIGUSR1, lambda *_: heard.append("usr1"))
    follow = TuneCallback(bridge)
    usual = signal.getsignal(signal.SIGINT)
    try:
        ended = _setup_signal_catching()
        for _ in range(2):
            follow.on_step_begin(1, [])
            signal.raise_signal(signal.SIGUSR1)
            follow.on_step_end(1, [])
        assert heard == ["usr1", "usr1"] and not ended.is_set()
        bridge.over = True
        follow.on_step_end(2, [])
        assert ended.is_set() and len(heard) == 2
    finally:
        signal.signal(signal.SIGINT, usual)


def test_ctrl_c_has_its_own_status():
    with ToldToEnd() as told, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert told.status(130) == 130


def test_a_script_in_the_background_whose_ctrl_c_is_ignored_is_told_all_the_same():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with ToldToEnd(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_nor_is_ctrl_c_taken_for_a_request_there_while_all_else_is(monkeypatch):
    monkeypatch.setattr(module, "_ONE", 0.0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asked = []
    with ToldToEnd() as told, on_first_interrupt(lambda: asked.append(1)):
        signal.raise_signal(signal.SIGINT)
        assert asked == []
        signal.raise_signal(signal.SIGTERM)
        assert asked == [1]
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    assert asked == [1] and told.status(130) == 143
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_what_the_process_was_started_to_ignore_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ToldToEnd() as told:
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN and told.status(130) == 130


@pytest.mark.parametrize(("number", "status"), _ALL)
@pytest.mark.parametrize("caught", [False, True])
def test_a_command_ends_with_the_status_that_a_shell_has_for_it(number, status, caught, capsys):
    def main(arguments):
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            if not caught:
                raise
            return 130  # as a sweep, which prints its closing lines
        return 0

    with pytest.raises(SystemExit) as ended:
        run_main(main, [])
    assert ended.value.code == status
    assert capsys.readouterr().err == ("" if caught else "interrupted\n")
    assert signal.getsignal(number) is signal.SIG_DFL


_COMMAND = """
import signal, sys, time
from orchestrator.commands.arguments import run_main
def main(arguments):
    print("up", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        return 130
    return 0
run_main(main, [])
"""


def test_nohup_keeps_a_command_when_the_terminal_goes_and_kill_ends_it():
    command = ["nohup", sys.executable, "-c", _COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "up\n"
        os.kill(process.pid, signal.SIGHUP)
        time.sleep(0.2)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 143


class _Handle:
    def __init__(self, error):
        self._error = error

    def __del__(self):
        if self._error is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        raise self._error


def test_ctrl_c_that_falls_into_a_finaliser_is_not_lost(capfd):
    with pytest.raises(KeyboardInterrupt), ToldToEnd():
        handle = _Handle(KeyboardInterrupt)
        del handle
        for _ in range(10):
            time.sleep(0.1)
        pytest.fail("it was lost")
    assert capfd.readouterr().err == ""


def test_other_errors_of_finalisers_are_said_as_ever(monkeypatch):
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with ToldToEnd():
        handle = _Handle(ValueError)
        del handle
    assert [lost.exc_type for lost in said] == [ValueError]
    assert sys.unraisablehook == said.append, "it is as before"
