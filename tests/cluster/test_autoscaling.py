"""A sweep on a head without workers: it asks for machines, uses them and lets them go. What each way of
asking brings is decided without a Ray, by Ray's own scheduler as well.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
from ray.util import get_node_ip_address

from orchestrator.execution import lane_trainer, lanes
from orchestrator.execution.cluster_resources import ClusterResources, possible_nodes
from orchestrator.execution.lane import Lane
from orchestrator.execution.lanes import Lanes
from orchestrator.run_options import RunOptions

_CONFIG = Path(__file__).with_name("autoscaling.yaml")
_OWN = {"RAY_AUTH_MODE": "disabled"}  # the cluster is this test's own, on loopback
_OWN |= {"RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}  # nobody takes its machines away with a warning


def _environment(**more):
    clean = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
    paths = [str(Path(__file__).with_name("no_cuda")), *filter(None, [os.environ.get("PYTHONPATH")])]
    return clean | _OWN | {"PYTHONPATH": os.pathsep.join(paths)} | more


@pytest.fixture(scope="module")
def pause(tmp_path_factory):
    """The file with the seconds that a step waits."""
    return tmp_path_factory.mktemp("steps") / "seconds"


@pytest.fixture(scope="module")
def cluster(free_port, pause):
    """A head without CPUs, and Ray's second autoscaler over machines with two CPUs and a GPU, which is one in
    Ray's books alone: its address, and how many machines it has beside the head.
    """
    config = yaml.safe_load(_CONFIG.read_text())
    port = free_port()
    config["provider"]["head_node_id"] = FAKE_HEAD_NODE_ID
    config["provider"]["gcs_address"] = f"{get_node_ip_address()}:{port}"
    folder = tempfile.mkdtemp()  # a short path, as Ray's sockets lie below it
    path = Path(folder, "autoscaling.yaml")
    path.write_text(yaml.safe_dump(config))
    fake = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
        "RAY_prestart_worker_first_driver": "0",  # no processes that wait for work
        "SMALL_METHOD_PAUSE": str(pause),
    }
    start = [sys.executable, "-m", "fake_machines", str(path), folder, str(port)]
    done = subprocess.run(start, env=_environment(**fake), capture_output=True, text=True)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield f"127.0.0.1:{port}", lambda: len(_processes(folder, "raylet")) - 1
    finally:
        _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _processes(session, name=""):
    """Those of the cluster whose files lie in ``session``."""
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if name in process.info["name"] and any(session in word for word in process.info["cmdline"] or [])
    ]


def _stop(session):
    for process in _processes(session):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _until_gone(machines):
    deadline = time.monotonic() + 90
    while machines():
        assert time.monotonic() < deadline, "machines stay that nobody uses"
        time.sleep(0.2)


@pytest.fixture
def sweep(small_method, small_values, tmp_path, with_tables, typed, monkeypatch):
    """A cluster's address and options -> a small sweep on it: its exit status, and what it said."""
    # All its machines are this one, and find the method: tests/test_extending.py asks a machine.
    monkeypatch.setattr("orchestrator.execution.session.check_machines", lambda config: None)
    values = small_values("ctp", stream__tasks=2)
    kept = ("method.name", "stream.name", "method.queue_size", "method.learning_rate")
    changed = [f"{key}={value}" for key, value in values.items() if key not in kept]

    def run(address, *options):
        line = ["orchestrator.sweep", *small_method, "--name", "s", *options, "--set", *changed]
        done = typed(with_tables(tmp_path), *line, ray=_OWN | {"RAY_ADDRESS": address})
        return done.returncode, done.stdout + done.stderr

    return run


_TWO_CPUS_EACH = ("--workers", "2", "--gpus-per-trial", "0")
_GPU_SHARED = ("--gpus-per-trial", "0.5")
_GPU_EACH = ("--gpus-per-trial", "1")


@pytest.mark.parametrize(
    ("asked", "count", "workers", "most"),
    [
        (_GPU_SHARED, 2, 1, 1),
        pytest.param(_GPU_EACH, 1, 1, 1, marks=pytest.mark.slow),
        pytest.param(_TWO_CPUS_EACH, 2, 2, 2, marks=pytest.mark.slow),
        pytest.param(_GPU_EACH, 2, 1, 2, marks=pytest.mark.slow),
    ],
)
def test_a_sweep_asks_for_machines_uses_them_and_lets_them_go(
    cluster, sweep, pause, asked, count, workers, most
):
    address, machines = cluster
    assert machines() == 0
    pause.write_text("1" if most > 1 else "0.5" if count > 1 else "0.3")  # a second lane finds work
    seen, over = [], threading.Event()

    def look():
        while not over.wait(1):
            seen.append(machines())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        status, said = sweep(address, "--trials", str(count), "--concurrent", str(count), *asked)
    finally:
        over.set()
        looking.join()
    assert status == 0, said
    of = f"of {workers} worker(s) each; up to 2 machine(s) may come for them"
    assert f"warming {count} lane(s) {of}" in said
    assert all(f"lane {number} is up" in said for number in range(1, count + 1))
    assert max(seen) == most
    _until_gone(machines)


def _bundles(monkeypatch, folder, options, wanted):
    """What the workers of all lanes of a sweep on a head without workers ask Ray for, and what it says."""
    config, asked, said = yaml.safe_load(_CONFIG.read_text()), [], []
    head = ClusterResources([{"CPU": 0}], [{}], possible_nodes(config, 0))

    class Trainer:
        def __init__(self, work, *, scaling_config, **_):
            bundle = scaling_config._resources_per_worker_not_none
            asked.extend([bundle] * scaling_config.num_workers)

        def fit(self):
            pass

    monkeypatch.setattr(lanes, "cluster_resources", lambda: head)
    monkeypatch.setattr(lanes, "ask", lambda *_: None)
    monkeypatch.setattr(lane_trainer, "LaneTrainer", Trainer)
    monkeypatch.setattr(Lane, "start", Lane._fit)
    Lanes(options, folder, wanted, False, 2, said.append).start(
        SimpleNamespace(), SimpleNamespace(dashboard=False, alone=False)
    )
    return asked, said


def _machines_for(bundles):
    """How many machines Ray's second autoscaler starts for them."""
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    config = AutoscalingConfig(yaml.safe_load(_CONFIG.read_text()), skip_content_hash=True)
    request = SchedulingRequest(
        disable_launch_config_check=True,
        node_type_configs=config.get_node_type_configs(),
        max_num_nodes=config.get_config("max_workers"),
        resource_requests=ResourceRequestUtil.group_by_count([ResourceRequestUtil.make(b) for b in bundles]),
    )
    return sum(launch.count for launch in ResourceDemandScheduler(None).schedule(request).to_launch)


@pytest.mark.parametrize(
    ("options", "workers", "bundle", "most"),
    [
        (RunOptions(workers=2, gpus_per_trial=0), 2, {"CPU": 1}, 2),
        (RunOptions(gpus_per_trial=0.5), 1, {"CPU": 1, "GPU": 0.5}, 1),
        (RunOptions(gpus_per_trial=1), 1, {"CPU": 1, "GPU": 1}, 2),
        (RunOptions(), 1, {"CPU": 1, "GPU": 1}, 2),
    ],
)
def test_two_lanes_ask_for_what_brings_as_many_machines(
    monkeypatch, tmp_path, options, workers, bundle, most
):
    asked, said = _bundles(monkeypatch, tmp_path, options, 2)
    assert asked == [bundle] * 2 * workers
    of = f"of {workers} worker(s) each; up to 2 machine(s) may come for them"
    assert said == [f"warming 2 lane(s) {of}"]
    assert _machines_for(asked) == most


def test_a_sweep_that_no_machine_could_ever_hold_says_so_at_once(cluster, sweep):
    # Other ways of asking too much: tests/orchestrator/execution/test_placement.py.
    status, said = sweep(cluster[0], "--workers", "8", "--gpus-per-trial", "0")
    assert status == 2, said
    assert "8 worker(s) with 1 CPU and 0 GPU each, which does not fit on 4 CPU and 2 GPU" in said
