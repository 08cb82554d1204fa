"""An MLflow server and machines of a Ray, which a test kills."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from bare_node import BARE_NODE
from ray.cluster_utils import Cluster


def lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _raylet(node):
    return node.all_processes["raylet"][0].process.pid


class _Helper:
    """A script beside this file, which does something at each line that it reads, and says a word of it.

    Raises:
        AssertionError: if it says another word or ends, with all that it has said.
    """

    def __init__(self, script, *arguments, folder=None, **environment):
        self._wrong = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name(script)), *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._wrong,
            text=True,
        )

    def hear(self, pattern):
        word = self._process.stdout.readline().strip()
        if not re.fullmatch(pattern, word):
            self.kill()
            self._wrong.seek(0)
            said = f"{word}\n{self._process.stdout.read()}{self._wrong.read()}"
            raise AssertionError(f"{self._process.returncode}, and not {pattern!r}: {said}")
        return word

    def ask(self, pattern):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.hear(pattern)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Server:
    """An MLflow server on SQLite that can be killed and started again."""

    def __init__(self, folder, port):
        given = "sqlite:///mlflow.db", "./artifacts", str(port)
        variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._servers = _Helper("mlflow_servers.py", *given, folder=folder, **variables)
        self.address = f"http://127.0.0.1:{port}"
        self._number = None

    def start(self):
        self._number = int(self._servers.ask(r"\d+"))

    def until_up(self):
        for _ in range(600):
            try:
                urlopen(f"{self.address}/health", timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the MLflow server does not come up")

    def kill(self):
        os.kill(self._number, signal.SIGKILL)
        for _ in range(600):
            if not lives(self._number):
                return
            time.sleep(0.01)
        raise AssertionError("the MLflow server does not die")

    def end(self):
        if self._number is not None and lives(self._number):
            self.kill()
        self._servers.kill()


class Machines:
    """Two machines that train, with object stores as small as Ray has them, the driver's and another. As long
    as that one lives, another user of the cluster holds the CPU of the driver's.
    """

    def __init__(self, processes_under):
        self._under = processes_under
        self._cluster = Cluster()
        self._user = None
        self._small = BARE_NODE | {"object_store_memory": 80 * 2**20, "num_cpus": 1}

    def start(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_prestart_worker_first_driver", "0")  # no processes that wait for work
            self._cluster.add_node(**self._small)
            self._user = _Helper("greedy_user.py", self._cluster.address, **self.joined)
            self._user.hear("held")
            self._other = self._cluster.add_node(**self._small)

    @property
    def joined(self):
        more = {"RAY_AUTH_MODE": "disabled", "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
        return more | {"RAY_ADDRESS": self._cluster.address}

    def fill(self):
        self._user.ask("full")

    def named(self, *names):
        raylets = map(_raylet, self._cluster.list_all_nodes())
        found = [one for raylet in raylets for one in self._under(raylet)]
        return [pid for process, pid in found if any(name in process for name in names)]

    def other(self):
        """All that goes with the other machine, which trains: its raylet, and at once what would else end a
        moment later.
        """
        raylet = _raylet(self._other)
        below = self._under(raylet)
        assert any("RayTrainWorker" in name for name, _ in below)
        return [raylet, *(pid for _, pid in below)]

    def give_back(self):
        self._user.ask("free")

    def end(self):
        if self._user is not None:
            self._user.kill()
        self._cluster.shutdown()
