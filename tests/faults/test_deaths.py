"""One death after another in the middle of a sweep, by SIGKILL, while somebody else fills the object store:
nothing is lost, no number changes.
"""

import os
import re
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress

import pytest
from what_dies import Machines, Server, lives

from orchestrator.tracking.__main__ import main as tracking

_TRIALS = 2
_DOWN = 40  # seconds without the MLflow server


def _kill(sweep, trial, task, pids):
    """Kills what ``pids`` finds, in the midst of a task: when, and whom."""
    before = "starts" if task == 1 else f"task {task - 1}/"
    sweep.until(rf"trial {trial}/{_TRIALS} {before}")
    time.sleep(0.5)  # into the task
    assert not re.search(rf"trial {trial}/{_TRIALS} task {task}/", sweep.said), "too late"
    found = pids()
    assert found
    for pid in found:
        with suppress(ProcessLookupError):  # one that went with another
            os.kill(pid, signal.SIGKILL)
    return time.monotonic(), found


@pytest.fixture(scope="module")
def disturbed(
    two_trials, slow_steps, sweep_here, typed, with_tables, tmp_path_factory, free_port, processes_under
):
    """A sweep on two machines. In its first trial another user of the cluster begins to keep their object
    stores full. It loses the shared memory's owner, a training worker, a machine and a trial's own process,
    each in another task, and for a while the MLflow server.
    """
    folder = with_tables(tmp_path_factory.mktemp("disturbed"))
    shutil.copy(folder / "runs" / "mlflow.db", folder)
    server, machines = Server(folder, free_port()), Machines(processes_under)
    sweep, deaths = sweep_here(two_trials[0], folder), {}
    restart, pause = threading.Timer(_DOWN, server.start), slow_steps.read_text()

    def story():
        # The first trial is never stopped early; of the other only the first task is sure to come.
        sweep.until("lane 1 is up")
        server.kill()
        restart.start()
        deaths["memory"] = _kill(sweep, 1, 1, lambda: machines.named("ArrayOwner"))
        assert "moved to disk" not in sweep.said
        deaths["worker"] = _kill(sweep, 1, 2, lambda: machines.named("RayTrainWorker"))
        machines.fill()  # while the lane comes up again
        deaths["node"] = _kill(sweep, 1, 3, machines.other)
        machines.give_back()
        deaths["trial"] = _kill(sweep, 2, 1, lambda: machines.named("ImplicitFunc", "run_trial"))
        slow_steps.write_text("0")  # nothing is left to hit

    try:
        machines.start()
        server.start()
        server.until_up()
        sweep.walk(typed, story, machines.joined | {"MLFLOW_TRACKING_URI": server.address})
        restart.join()
        server.until_up()
        yield sweep, deaths, server.address
    finally:
        slow_steps.write_text(pause)
        restart.cancel()
        machines.end()
        server.end()


def _work_went_on(disturbed, name, trial, task, record_property):
    sweep, deaths, _ = disturbed
    when, pids = deaths[name]
    assert not any(lives(pid) for pid in pids)
    again = sweep.until(rf"trial {trial}/{_TRIALS} task {task}/") - when
    record_property("seconds until the task under way was done", round(again, 1))
    print(f"{name}: {again:.1f} s until the task under way was done")


def test_a_training_worker(disturbed, record_property):
    _work_went_on(disturbed, "worker", 1, 2, record_property)


def test_the_owner_of_the_shared_memory(disturbed, record_property):
    _work_went_on(disturbed, "memory", 1, 1, record_property)


def test_a_trials_own_process(disturbed, record_property):
    _work_went_on(disturbed, "trial", 2, 1, record_property)


def test_a_node(disturbed, record_property):
    _work_went_on(disturbed, "node", 1, 3, record_property)


def test_the_mlflow_server_for_a_while(disturbed, monkeypatch):
    sweep, _, address = disturbed
    if "records are not there yet" in sweep.said:  # it was the sooner at its end
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert tracking(["send", str(sweep.run)]) == 0
    sweep.assert_recorded(_TRIALS, address)


def test_a_store_filled_by_another_is_said(disturbed):
    said = disturbed[0].said
    assert "the object store is full: " in said, said
    assert "MiB were moved to disk; the sweep goes on, more slowly" in said


def test_after_all_of_them_the_numbers_are_those_of_an_undisturbed_sweep(disturbed, two_trials):
    disturbed[0].assert_like(two_trials[1])


@pytest.mark.slow
def test_the_driver_and_then_its_machine(
    four_trials, slow_steps, start_sweep, tmp_path, s3, processes_under, record_property
):
    command, undisturbed = four_trials
    resume = [sys.executable, "-m", "orchestrator.sweep", "--resume", "s", "--storage", s3]
    for place, arguments, whole in (
        ("1/4 task 1/2", [*command, "--storage", s3], False),  # its workers may end their task
        ("3/4 starts", resume, True),
    ):
        sweep = start_sweep(arguments, tmp_path)
        sweep.until(f"trial {place}")
        time.sleep(0.5)
        below = processes_under(sweep.process.pid) if whole else []
        assert not whole or any("RayTrainWorker" in name for name, _ in below)
        sweep.process.kill()
        for _, pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert sweep.end() == -signal.SIGKILL
    before = sweep.lines_of_tasks()
    assert len(before) == 2
    shutil.rmtree(tmp_path / "runs")
    began = time.monotonic()
    # The machine is another one, whose user says that the storage may name code of this one.
    sweep = start_sweep([*resume, "--set", f"method.name={command[3]}"], tmp_path)
    again = sweep.until("trial 3/4 task 1/") - began
    record_property("seconds until the task under way was done", round(again, 1))
    print(f"driver: {again:.1f} s until the task under way was done")
    assert sweep.end() == 0, sweep.said
    sweep.assert_kept(before)
    sweep.assert_like(undisturbed)
    assert not list(tmp_path.glob("runs/s/trials/*/checkpoints")), "they are kept at the storage"
    sweep.assert_recorded(4)
