"""A test that hangs fails, in the suite's own configuration."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_HANGS = """
import threading

def test_first():
    pass

def test_hangs():
    threading.Thread(target=lambda: None).start()
    threading.Event().wait()

def test_last():
    pass
"""


def test_a_test_that_hangs_fails_and_the_others_go_on(tmp_path):
    (tmp_path / "test_three.py").write_text(_HANGS)
    options = ["-c", str(_ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-n", "1", "-o", "timeout=1"]
    command = [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", str(tmp_path)]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "Failed: Timeout (>1.0s)" in found.stdout, found.stdout
    assert "1 failed, 2 passed" in found.stdout


def test_this_suite_has_a_time_limit(request):
    assert float(request.config.getini("timeout")) > 0
    assert request.config.getini("timeout_method") == "signal"
