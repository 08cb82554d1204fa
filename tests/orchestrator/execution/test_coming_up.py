"""Waiting for a Ray of one's own. No Ray is started."""

import subprocess
import sys
import time

import pytest

from orchestrator.execution.coming_up import while_it_lives


def _process(name, code):
    with subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"]) as process:
        process.wait()
    process.args = [f"/ray/{name}", "--port=0"]
    return process


@pytest.fixture
def clock(monkeypatch):
    """Every look takes a second."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: now.__setitem__(0, now[0] + 1))
    return now


def test_a_slow_machine_has_a_minute(clock):
    up = [59.0]

    def look(*args):
        if clock[0] < up[0]:
            raise RuntimeError("not there")
        return args

    patient = while_it_lives(look, [_process("log_monitor", 1)])
    assert patient("address", "node") == ("address", "node") and clock[0] == 59
    clock[0], up[0] = 0.0, 100.0
    with pytest.raises(RuntimeError, match="not there"):
        patient("address", "node")
    assert clock[0] == 61


def test_who_has_died_is_not_waited_for(clock):
    def look():
        raise RuntimeError("not there")

    for name, code, how in (("raylet", 1, "exit status 1"), ("gcs_server", -9, "signal 9")):
        process = _process(name, 0)
        process.returncode = code
        with pytest.raises(ChildProcessError) as raised:
            while_it_lives(look, [process])()
        assert str(raised.value) == f"its process {name} has died ({how})" and clock[0] == 0


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (
            "[2026-12-01 02:53:44,589 C 8838 8838] (raylet) node_manager.cc:3576:  An unexpected state "
            "has occurred. Check failed: set.has_value() Timed out waiting for file /r/metrics_agent_port\n"
            "*** StackTrace Information ***\nraylet(+0xff770a) [0x55ac8c39170a] ray::operator<<()\n",
            ": Timed out waiting for file /r/metrics_agent_port",
        ),
        ("(raylet) Check failed: size > 0 no room\n", ": size > 0 no room"),
        ("[2026-12-01 02:53:44,589 W 1 1] (raylet) slow\n", ""),
        (None, ""),
    ],
)
def test_the_wait_says_why_a_process_ended_itself(tmp_path, log, why):
    if log is not None:
        (tmp_path / "raylet.err").write_text(log)
    process = _process("raylet", 1)
    process.args.append(f"--stderr_filepath={tmp_path}/raylet.err")

    def look():
        raise RuntimeError

    with pytest.raises(ChildProcessError) as raised:
        while_it_lives(look, [process])()
    assert str(raised.value) == f"its process raylet has died (exit status 1){why}"
