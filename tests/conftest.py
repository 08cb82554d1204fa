"""What several test files share: configurations and streams so small that training them takes a second."""

import dataclasses
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
import pytest

# Two cores, several processes: more threads only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Of one that was started in the background, Ctrl-C would be ignored, by all that it starts as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Never a Ray that happens to be running on the machine.
os.environ["RAY_ADDRESS"] = "local"
# Ray's workers would give way to the tests beside them, and those that wait for them be the last to end.
os.environ |= {"RAY_worker_niceness": "0"}

_STARTS_RAY = re.compile(r"\bray\b|orchestrator\.(sweep|train)\b|Session")
_SWEEPS = re.compile(r"/test_(sweep\w*|extending|python_page|features_session)\.py$")
_NO_RAY = re.compile("No Ray is started")  # what a file says of itself that only looks like one
_WITH_RAY, _SLOW = 600, 3600  # seconds that a test may take; pyproject.toml has those of the others


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Each test's tier, as a marker, and its time limit: the slowest of those that start Ray take some
    minutes.
    """
    for item in items:
        faults = item.path.parent.name in ("cluster", "faults")
        tier = "faults" if faults else "ray" if _starts_ray(item.path) else "unit"
        item.add_marker(tier)
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(_SLOW))
        elif tier != "unit":
            item.add_marker(pytest.mark.timeout(_WITH_RAY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay together. Of those that start Ray, the clusters and faults are run one after the
    other, the files of whole sweeps as well, and so is the rest.
    """
    from xdist.scheduler import LoadFileScheduling

    class Rooms(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::", 1)[0]
            if file.startswith(("tests/cluster/", "tests/faults/")):
                return "clusters and faults"
            if not _starts_ray(config.rootpath / file):
                return file
            return "sweeps" if _SWEEPS.search(file) else "ray"

    return Rooms(config, log)


def _starts_ray(file):
    text = file.read_text()
    return bool(_STARTS_RAY.search(text)) and not _NO_RAY.search(text)


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
