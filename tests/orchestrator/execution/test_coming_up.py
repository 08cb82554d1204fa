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
