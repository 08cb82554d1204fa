"""A sweep on a head without workers: it asks for machines, uses them and lets them go."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
from ray.util import get_node_ip_address

_CONFIG = Path(__file__).with_name("autoscaling.yaml")
_TOKEN = {"RAY_AUTH_MODE": "disabled"}  # the cluster is this test's own, on loopback


def _environment(**more):
    clean = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
    return clean | _TOKEN | more


@pytest.fixture(scope="module")
def address(free_port):
    """A head without CPUs, and Ray's second autoscaler over machines with one each."""
    config = yaml.safe_load(_CONFIG.read_text())
    port = free_port()
    config["provider"]["head_node_id"] = FAKE_HEAD_NODE_ID
    config["provider"]["gcs_address"] = f"{get_node_ip_address()}:{port}"
    folder = tempfile.mkdtemp()  # a short path, as Ray's sockets lie below it
    path = Path(folder, "autoscaling.yaml")
    path.write_text(yaml.safe_dump(config))
    ray = str(Path(sys.executable).with_name("ray"))
    fake = {
        "RAY_FAKE_CLUSTER": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
    }
    start = [ray, "start", "--head", "--num-cpus=0", f"--port={port}", "--include-dashboard=false"]
    start += [f"--autoscaling-config={path}", f"--temp-dir={folder}", "--object-store-memory=300000000"]
    done = subprocess.run(start, env=_environment(**fake), capture_output=True, text=True)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield f"127.0.0.1:{port}"
    finally:
        _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _stop(session):
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if any(session in word for word in process.info["cmdline"] or []):
            process.kill()


def _sweep(folder, address, command):
    line = [sys.executable, "-m", "orchestrator.sweep", "ctp", "--name", "s", *command]
    return subprocess.Popen(
        line,
        cwd=folder,
        env=_environment(RAY_ADDRESS=address),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _workers(address):
    script = "import ray; ray.init(log_to_driver=False, logging_level='error');"
    script += "print(sum(n['Alive'] for n in ray.nodes()) - 1)"
    done = subprocess.run(
        [sys.executable, "-c", script], env=_environment(RAY_ADDRESS=address), capture_output=True, text=True
    )
    return int(done.stdout.split()[-1])


@pytest.fixture
def small(small_values):
    values = small_values("ctp", stream__tasks=2)
    kept = ("method.name", "stream.name", "method.queue_size", "method.learning_rate")
    return ["--set", *(f"{key}={value}" for key, value in values.items() if key not in kept)]


def test_a_sweep_asks_for_machines_uses_them_and_lets_them_go(tmp_path, address, small):
    assert _workers(address) == 0
    process = _sweep(tmp_path, address, ["--trials", "3", *small])
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "warming 2 lane(s) of 1 worker(s) each; up to 2 machine(s) may come for them" in said
    assert "lane 1 is up" in said and "lane 2 is up" in said
    deadline = time.monotonic() + 90
    while _workers(address):
        assert time.monotonic() < deadline, "machines stay that nobody uses"


def test_a_sweep_that_no_machine_could_ever_hold_says_so_at_once(tmp_path, address, small):
    # Other ways of asking too much: tests/orchestrator/test_placement.py.
    process = _sweep(tmp_path, address, [*small, "--workers", "4"])
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said
    assert "4 worker(s) with 1 CPU and 0 GPU each, which does not fit on 2 CPU and 0 GPU" in said
