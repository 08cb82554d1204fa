"""A sweep whose disk fills up: it stops by itself, says what to free, and goes on with the same numbers."""

import os
import sys
from contextlib import suppress

import pytest

_RESUME = [sys.executable, "-m", "orchestrator.sweep", "--resume", "s"]


@pytest.fixture
def runs(tmp_path, small_disk):
    """``runs/`` on a small disk of its own."""
    return small_disk(tmp_path / "runs", "100m")


def _fill(disk, leave):
    """Fills it but for ``leave`` bytes, while others write there."""
    with open(disk / "ballast", "wb") as file:
        while (free := os.statvfs(disk)).f_bavail * free.f_frsize > leave:
            size = file.seek(0, os.SEEK_END)
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), size, free.f_bavail * free.f_frsize - leave)


def _stopped(sweep, runs):
    assert sweep.end() == 1, sweep.said
    assert "Traceback" not in sweep.said, sweep.said
    (line,) = [line for _, line in sweep.lines if line.startswith("Stopped: ")]
    assert f"no space left: free some on the disk that holds {runs}/s" in line
    assert "python -m orchestrator.sweep --resume s" in sweep.said


@pytest.mark.slow
def test_it_stops_and_goes_on_with_nothing_left_and_with_room_for_small_files(
    runs, four_trials, slow_steps, start_sweep, tmp_path
):
    command, expected = four_trials
    sweep = start_sweep(command, tmp_path)
    for when, leave in (("trial 1/4 task 1/", 0), ("trial 3/4 starts", 2**16)):
        sweep.until(when)
        _fill(runs, leave)
        _stopped(sweep, runs)
        before = sweep.lines_of_tasks()
        assert before
        if not leave:
            still = start_sweep(_RESUME, tmp_path)
            assert still.end() == 1 and "no space left: free some" in still.said, still.said
            assert "Traceback" not in still.said
        (runs / "ballast").unlink()
        sweep = start_sweep(_RESUME, tmp_path)
    assert sweep.end() == 0, sweep.said
    sweep.assert_kept(before)
    sweep.assert_like(expected)
    sweep.assert_recorded(4)
