"""The process that draws."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from orchestrator.record.pen import Pen

_SCRIPT = """
from pathlib import Path
from orchestrator.record.pen import Pen

with open("runs.txt", "a") as file:
    file.write("ran\\n")
pen = Pen()
print(pen.submit(int, "7").result())
pen.close()
"""


def test_a_script_that_does_not_ask_whether_it_is_the_main_module_runs_once(tmp_path):
    (tmp_path / "script.py").write_text(_SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("7\n", "")
    assert (tmp_path / "runs.txt").read_text() == "ran\n"


@pytest.fixture
def pen():
    pen = Pen()
    yield pen
    pen.close()


def test_calls_are_answered_in_order_by_one_process_and_what_is_raised_is_told(pen):
    first, wrong, last = pen.submit(os.getpid), pen.submit(int, "seven"), pen.submit(os.getpid)
    assert first.result() == last.result() != os.getpid()
    with pytest.raises(RuntimeError, match="invalid literal for int.*'seven'"):
        wrong.result()


def test_a_process_that_dies_over_a_call_is_replaced(pen):
    with pytest.raises(BrokenProcessPool, match="the process that draws has died"):
        pen.submit(os._exit, 3).result()
    assert pen.submit(abs, -4).result() == 4


def test_one_that_is_abandoned_is_waited_for_by_nobody():
    pen = Pen()
    pen.submit(abs, -4).result()
    process, slow, next_one = pen._process, pen.submit(time.sleep, 600), pen.submit(abs, 1)
    while not slow.running():
        time.sleep(0.001)
    pen.abandon()
    with pytest.raises(BrokenProcessPool):
        slow.result(20)
    assert next_one.cancelled() and process.wait(20) == -signal.SIGKILL


def test_the_process_steps_back_and_ends_with_its_pen(pen):
    process = psutil.Process(pen.submit(os.getpid).result())
    assert process.nice() == min(19, os.nice(0) + 10)
    assert os.getpgid(process.pid) != os.getpgid(0), "Ctrl-C is the sweep's"
    pen._line.close()  # as when the sweep is killed
    deadline = time.monotonic() + 20
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
