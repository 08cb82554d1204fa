"""One death after another in the middle of a sweep, by SIGKILL, while somebody else fills the object store:
nothing is lost, no number changes.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.request import urlopen

import numpy as np
import psutil
import pytest
import ray
from bare_node import BARE_NODE
from ray.cluster_utils import Cluster
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.tracking.__main__ import main as tracking

_TRIALS = 4
_DOWN = 60  # seconds without the MLflow server
_MIB = 2**20


@pytest.fixture(scope="module")
def command(four_trials):
    return four_trials[0]


@pytest.fixture(scope="module")
def undisturbed(four_trials):
    return four_trials[1]


class Server:
    """An MLflow server on SQLite that can be killed and started again."""

    def __init__(self, folder, port):
        self._folder = folder
        self._port = port
        self.address = f"http://127.0.0.1:{port}"
        self.start()

    def start(self):
        command = ["mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        command += ["--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "./artifacts"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self._folder,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def until_up(self):
        for _ in range(600):
            try:
                urlopen(f"{self.address}/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the MLflow server does not come up")

    def kill(self):
        if self._process.poll() is None:
            for process in [*psutil.Process(self._process.pid).children(recursive=True), self._process]:
                os.kill(process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture(scope="module")
def disturbed(command, slow_steps, start_sweep, with_tables, tmp_path_factory, free_port, processes_under):
    """A sweep on three nodes. Those that train have object stores as small as Ray has them. From the first
    trial on another user of the cluster keeps them full. It loses a training worker, the shared memory's
    owner and for a minute the MLflow server, a trial's own process and a node, each in another trial.
    """
    folder = with_tables(tmp_path_factory.mktemp("disturbed"))
    shutil.copy(folder / "runs" / "mlflow.db", folder)
    server = Server(folder, free_port())
    cluster = Cluster()
    try:
        small = BARE_NODE | {"object_store_memory": 80 * _MIB}
        cluster.add_node(num_cpus=0, **BARE_NODE)
        nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
        sweep = start_sweep(
            command,
            folder,
            RAY_ADDRESS=cluster.address,
            MLFLOW_TRACKING_URI=server.address,
            RAY_AUTH_MODE="disabled",
            RAY_TRAIN_ENABLE_PREEMPTION_WATCHER="0",
        )
        deaths = {}

        def named(*names):
            found = [one for node in cluster.list_all_nodes() for one in processes_under(_raylet(node))]
            return [pid for process, pid in found if any(name in process for name in names)]

        def machine():
            """All that goes with the one that trains: its raylet, and at once what would else end a moment
            later.
            """
            for raylet in map(_raylet, nodes):
                below = processes_under(raylet)
                if any("RayTrainWorker" in name for name, _ in below):
                    return [raylet, *(pid for _, pid in below)]
            return []

        def kill(trial, task, pids):
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

        try:
            # The first trial is never stopped early; of the others only the first task is sure to come.
            sweep.until("lane 1 is up")
            server.kill()
            restart = threading.Timer(_DOWN, server.start)
            restart.start()
            assert "moved to disk" not in sweep.said
            ray.init(cluster.address, namespace="another", log_to_driver=False)
            deaths["worker"] = kill(1, 2, lambda: named("RayTrainWorker"))
            # While the lane comes up again. They stay until the end, beyond what the stores can hold.
            held = [_fill.options(scheduling_strategy=_on(node)).remote() for node in nodes for _ in range(3)]
            assert len(ray.wait(held, num_returns=len(held), fetch_local=False)[0]) == len(held)
            deaths["memory"] = kill(2, 1, lambda: named("ArrayOwner"))
            deaths["trial"] = kill(3, 1, lambda: named("ImplicitFunc", "run_trial"))
            deaths["node"] = kill(4, 1, machine)
            assert sweep.end() == 0, sweep.said
            restart.join()
            server.until_up()
        finally:
            if sweep.process.poll() is None:
                sweep.process.kill()
        yield sweep, deaths, server.address
    finally:
        ray.shutdown()
        cluster.shutdown()
        server.kill()


@ray.remote(num_cpus=0)
def _fill():
    return np.ones(40 * _MIB, np.uint8)


def _on(node):
    return NodeAffinitySchedulingStrategy(node.node_id, soft=False)


def _raylet(node):
    return node.all_processes["raylet"][0].process.pid


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _work_went_on(disturbed, name, trial, task, record_property):
    sweep, deaths, _ = disturbed
    when, pids = deaths[name]
    assert not any(_lives(pid) for pid in pids)
    again = sweep.until(rf"trial {trial}/{_TRIALS} task {task}/") - when
    record_property("seconds until the task under way was done", round(again, 1))
    print(f"{name}: {again:.1f} s until the task under way was done")


def test_a_training_worker(disturbed, record_property):
    _work_went_on(disturbed, "worker", 1, 2, record_property)


def test_the_owner_of_the_shared_memory(disturbed, record_property):
    _work_went_on(disturbed, "memory", 2, 1, record_property)


def test_a_trials_own_process(disturbed, record_property):
    _work_went_on(disturbed, "trial", 3, 1, record_property)


def test_a_node(disturbed, record_property):
    _work_went_on(disturbed, "node", 4, 1, record_property)


def test_the_mlflow_server_for_a_minute(disturbed, monkeypatch):
    sweep, _, address = disturbed
    if "records are not there yet" in sweep.said:  # it was the sooner at its end
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert tracking(["send", str(sweep.run)]) == 0
    sweep.assert_recorded(_TRIALS, address)


def test_a_store_filled_by_another_is_said(disturbed):
    said = disturbed[0].said
    assert "the object store is full: " in said, said
    assert "MiB were moved to disk; the sweep goes on, more slowly" in said


def test_after_all_of_them_the_numbers_are_those_of_an_undisturbed_sweep(disturbed, undisturbed):
    disturbed[0].assert_like(undisturbed)


@pytest.mark.slow
def test_the_driver_and_then_its_machine(
    command, slow_steps, start_sweep, undisturbed, tmp_path, s3, processes_under, record_property
):
    resume = [sys.executable, "-m", "orchestrator.sweep", "--resume", "s", "--storage", s3]
    for place, arguments, whole in (
        (f"1/{_TRIALS} task 1/2", [*command, "--storage", s3], False),  # its workers may end their task
        (f"3/{_TRIALS} starts", resume, True),
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
    sweep = start_sweep(resume, tmp_path)
    again = sweep.until(f"trial 3/{_TRIALS} task 1/") - began
    record_property("seconds until the task under way was done", round(again, 1))
    print(f"driver: {again:.1f} s until the task under way was done")
    assert sweep.end() == 0, sweep.said
    sweep.assert_kept(before)
    sweep.assert_like(undisturbed)
    assert not list(tmp_path.glob("runs/s/trials/*/checkpoints")), "they are kept at the storage"
    sweep.assert_recorded(_TRIALS)
