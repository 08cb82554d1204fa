"""What several test files share: configurations and streams so small that training them takes a second."""

import dataclasses
import gc
import importlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
import pytest
from bare_node import BARE_NODE
from lane_here import draw_nothing, lanes_here
from outputs import outputs
from rows import (  # noqa: F401 - pytest's hooks
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_terminal_summary,
    pytest_xdist_make_scheduler,
)

# Until all tests are collected: what imports make stays, and to look through it takes a fifth of their time.
gc.disable()
# A warning that is logged is shown as standard error. Nor does a library that finds no handler add one, which
# would keep the standard error of one test for all that follow.
logging.getLogger().addHandler(logging.lastResort)
# Two cores, several processes: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Of one that was started in the background, Ctrl-C would be ignored, by all that it starts as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Never a Ray that happens to be running on the machine.
os.environ["RAY_ADDRESS"] = "local"
# Ray's workers would give way to the tests beside them, and those that wait for them be the last to end.
os.environ |= {"RAY_worker_niceness": "0"}
# Nor does Ray Data have a process that counts what is used of it.
os.environ |= {"RAY_DATA_USAGE_DISABLED": "1"}
# Every process finds the small method, Ray's as well.
_INSTALLED = str(Path(__file__).parent / "helpers" / "site-packages")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_INSTALLED, os.environ.get("PYTHONPATH")]))


def pytest_collection_finish():
    gc.freeze()  # what stays is not looked through again either
    gc.enable()


_SMALL = {
    "stream.name": "shapes-retrieval",
    "stream.tasks": 3,
    "stream.train": 48,
    "stream.validation": 12,
    "stream.test": 12,
    "stream.query": 8,
    "stream.gallery": 12,
    "stream.max_tokens": 20,
    "method.backbone.size": "small",
    "method.backbone.image_width": 32,
    "method.backbone.image_depth": 1,
    "method.backbone.image_heads": 2,
    "method.backbone.text_width": 32,
    "method.backbone.text_layers": 2,
    "method.backbone.text_heads": 2,
    "method.backbone.fusion_layer": 1,
    "method.embed_dim": 16,
    "method.batch_size": 16,
    "method.epochs": 2,
    "method.learning_rate": 1e-3,
}


@pytest.fixture(scope="module", autouse=True)
def _no_variable_is_left_behind():
    """``ray.init`` of a Ray of one's own turns tokens on in the environment: the next file's Ray would ask
    for one that nobody has.
    """
    before = _variables()
    yield
    assert _variables() == before


def _variables() -> dict[str, str]:
    watched = "RAY_AUTH_", "RAY_ADDRESS", "MLFLOW_TRACKING_URI"
    return {name: value for name, value in os.environ.items() if name.startswith(watched)}


@pytest.fixture(scope="session")
def processes_under():
    """A process' number -> the living ones below it, by their names: (name, number)."""

    def under(pid=None) -> list[tuple[str, int]]:
        found = []
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # it ends while it is looked at
                    found.append((process.name(), process.pid))
        return found

    return under


@pytest.fixture(scope="session")
def shared_ray():
    """The environment in which a sweep, of this process or of one that it starts, joins a Ray of two CPUs.
    This process' tests share it. What is about a sweep's own Ray has another.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        cluster.add_node(num_cpus=2, object_store_memory=300 * 2**20, **BARE_NODE)
        joined = {"RAY_ADDRESS": cluster.address, "RAY_AUTH_MODE": "disabled"}
        # Nobody takes this machine away with a warning, for which Train has a process of each lane.
        yield joined | {"RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
    finally:
        cluster.shutdown()


@pytest.fixture(scope="module")
def on_shared_ray(shared_ray):
    """Sessions of this module join the shared Ray."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shared_ray.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def typed(shared_ray):
    """A folder and a command without ``python -m`` -> what ``subprocess.run`` would answer. The command runs
    in this process, in that folder, and joins the shared Ray, or another that its ``ray`` variables say.
    With ``lanes`` these are Ray Train's, as they are on another Ray; otherwise this process trains, which has
    imported all that a worker needs. With ``drawn`` it draws its trials' pictures, which takes seconds. As
    soon as it has said ``stopped_at``, it gets Ctrl-C.
    """

    def run(
        folder: Path,
        command: str,
        *words: str,
        ray: dict[str, str] = shared_ray,
        lanes: bool = False,
        drawn: bool = False,
        stopped_at: str | None = None,
    ) -> subprocess.CompletedProcess:
        from orchestrator.commands.arguments import run_main

        environment, umask = dict(os.environ), os.umask(0o022)
        ended = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as a command finds it; Ray took it
        here = lanes_here() if ray is shared_ray and not lanes else nullcontext()
        try:
            with pytest.MonkeyPatch.context() as patch, outputs() as said, here:
                patch.chdir(folder)
                os.environ.pop("MLFLOW_TRACKING_URI", None)
                os.environ.update(ray)
                patch.setattr(os, "_exit", _no_exit)
                if not drawn:
                    draw_nothing(patch)
                with _ctrl_c(stopped_at), pytest.raises(SystemExit) as end:
                    run_main(importlib.import_module(command).main, [*words])
        finally:
            signal.signal(signal.SIGTERM, ended)
            os.umask(umask)
            os.environ.clear()
            os.environ.update(environment)
        return subprocess.CompletedProcess([command, *words], end.value.code, *said)

    return run


@contextmanager
def _ctrl_c(at: str | None):
    """Ctrl-C for this process, once standard output, which goes to a file, has the words ``at``."""
    over, ending = threading.Event(), threading.Lock()

    def look():
        while not over.wait(0.005):
            if at.encode() in os.pread(1, 2**20, 0):
                with ending:  # a command that has ended meanwhile gets none
                    if not over.is_set():
                        os.kill(os.getpid(), signal.SIGINT)
                return

    looking = threading.Thread(target=look)
    try:
        if at is not None:
            looking.start()
        yield
    finally:
        with ending:
            over.set()
        if at is not None:
            looking.join()


def _no_exit(status):
    raise AssertionError(f"lanes were left alone, and the process would end with {status}")


@pytest.fixture(scope="session")
def small_method(tmp_path_factory):
    """The words METHOD, --space and FILE of the method in tests/helpers/site-packages, whose search space is
    CTP's. For sweeps that are not about a published method.
    """
    name = "small_method:SmallCTP"
    space = tmp_path_factory.mktemp("space") / "small.yaml"
    shipped = Path(__file__).parents[1] / "search_spaces" / "ctp.yaml"
    space.write_text(shipped.read_text("utf-8").replace("method: ctp\n", f"method: {name}\n"), "utf-8")
    return [name, "--space", str(space)]


@pytest.fixture
def base(monkeypatch):
    """A folder for Ray's temporary files whose path is short enough."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.delenv("TMPDIR", raising=False)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def small_disk():
    """A folder, a size -> the folder, which is a disk of that size from then on."""
    mounted = []

    def mount(place: Path, size: str) -> Path:
        place.mkdir(parents=True)
        line = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(place)]
        done = subprocess.run(line, capture_output=True, text=True) if os.geteuid() == 0 else None
        if done is None or done.returncode:
            pytest.skip(f"a small disk needs root and mount: {done.stderr.strip() if done else 'not root'}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="session")
def free_port():
    """A number of a port that nothing listens on, a new one each time."""

    def port() -> int:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            return found.getsockname()[1]

    return port


@pytest.fixture(scope="session")
def with_tables(tmp_path_factory):
    """A folder -> the same, with MLflow's database in its ``runs``, which has its tables and no run. MLflow
    takes three seconds to make them: a sweep that is not about that is spared it.
    """
    made = tmp_path_factory.mktemp("tables") / "mlflow.db"

    def put(folder: Path) -> Path:
        if not made.exists():
            from mlflow.tracking import MlflowClient

            MlflowClient(f"sqlite:///{made}").search_experiments()
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        shutil.copy(made, folder / "runs")
        return folder

    return put


@pytest.fixture
def runs(tmp_path, with_tables, monkeypatch):
    """A ``runs`` folder whose databases have tables and no run: the record's own, and ``other.db``."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = with_tables(tmp_path) / "runs"
    shutil.copy(folder / "mlflow.db", folder / "other.db")
    return folder


@pytest.fixture(scope="session")
def s3(free_port):
    """A server that speaks S3, and the bucket ``vlcl`` in it."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    given = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    given |= {"AWS_DEFAULT_REGION": "us-east-1"}
    kept = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        for _ in range(200):
            try:
                urlopen(f"{address}/moto-api", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        import s3fs

        s3fs.S3FileSystem().mkdir("vlcl")
        yield "s3://vlcl/runs"
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        server.kill()
        server.wait()


@pytest.fixture(scope="session")
def small_values():
    """method name -> dotted values of a tiny run."""

    def values(method: str, **changes) -> dict:
        own = {"method.queue_size": 32} if method == "ctp" else {}
        return {
            "method.name": method,
            **_SMALL,
            **own,
            **{k.replace("__", "."): v for k, v in changes.items()},
        }

    return values


@pytest.fixture(scope="session")
def small_config(small_values):
    """method name -> RunConfig of a tiny run; changes as ``replay__size=8``."""
    from orchestrator.config import RunConfig

    return lambda method, **changes: RunConfig.from_dict(small_values(method, **changes))


@pytest.fixture(scope="session")
def small_source(small_config):
    """A configuration -> (source, tokenizer)."""
    from orchestrator.streams import registry
    from orchestrator.streams.text.tokenizer import Tokenizer

    def load(config):
        source = registry.get(config.stream_name).load(config.stream, False)
        return source, Tokenizer.words(config.stream.max_tokens)

    return load


@pytest.fixture(scope="session")
def small_stream(small_source):
    """A configuration -> its stream, pictures in memory."""
    from orchestrator.streams.pictures import ArrayPictures
    from orchestrator.streams.prepare import prepare

    def load(config):
        stream = prepare(*small_source(config))
        for task in stream.tasks:
            for name, split in task.splits.items():
                pictures = ArrayPictures(split.pictures.read(np.arange(len(split))))
                task.splits[name] = dataclasses.replace(split, pictures=pictures)
        return stream

    return load
