"""cluster.yaml for real: Ray's launcher brings up a head and two workers over SSH, and a sweep runs there."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_HEAD, *_WORKERS = (f"10.77.0.1{i}" for i in range(3))
_TOOLS = ("sshd", "ssh", "ssh-keygen", "rsync", "ip", "unshare")
_TINY = """stream.tasks=2 stream.train=48 stream.validation=12 stream.test=12 stream.query=8 stream.gallery=12
method.backbone.image_width=32 method.backbone.image_depth=1 method.backbone.image_heads=2
method.backbone.text_width=32 method.backbone.text_layers=2 method.backbone.text_heads=2
method.backbone.fusion_layer=1 method.embed_dim=16 method.batch_size=16 method.epochs=2"""


def _why_not() -> str | None:
    if os.geteuid():
        return "needs root, to make network namespaces"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    if lacking := [tool for tool in _TOOLS if not shutil.which(tool, path=path)]:
        return f"needs {', '.join(lacking)}"
    name = f"vlcl-try-{os.getpid()}"  # every process of the suite collects this file, at the same time
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return f"no network namespaces here: {made.stderr.strip()}" if made.returncode else None


_WHY_NOT = _why_not()
pytestmark = pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or "")


def _file(key: Path) -> str:
    """The shipped cluster.yaml, its provider and authentication replaced."""
    before, _, _, after = re.split(r"^# ---.*\n", (_ROOT / "cluster.yaml").read_text(), flags=re.M)
    own = f"""provider:
  type: local
  head_ip: {_HEAD}
  worker_ips: [{", ".join(_WORKERS)}]
auth:
  ssh_user: root
  ssh_private_key: {key}
"""
    return before + own + after


class _Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "cluster.yaml"

    def ray(self, command: str, *arguments: str) -> subprocess.CompletedProcess:
        """Runs one of the launcher's commands from this machine."""
        return subprocess.run(
            [str(Path(sys.executable).parent / "ray"), command, *arguments],
            cwd=_ROOT,
            env={k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")},
            capture_output=True,
            text=True,
            timeout=400,
        )

    def on_head(self, command: str) -> str:
        done = self.ray("exec", "--no-config-cache", str(self.file), command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def raylets(self, host: int) -> int:
        pids = subprocess.run(["ip", "netns", "pids", f"vlcl{host}"], capture_output=True, text=True).stdout
        names = [Path(f"/proc/{pid}/comm") for pid in pids.split()]
        return sum(name.exists() and name.read_text().strip() == "raylet" for name in names)


@pytest.fixture
def cluster():
    # Hosts do not share /tmp.
    folder = Path("/var/tmp") / f"vlcl-hosts-{os.getpid()}"
    folder.mkdir()
    wheels = folder / "wheels"
    try:
        pip = [sys.executable, "-m", "pip", "download", "-q", "-d", str(wheels), "setuptools>=77", "boto3"]
        got = subprocess.run(pip, capture_output=True, text=True)
        if got.returncode:
            pytest.skip(f"pip cannot fetch what hosts install: {got.stderr.strip().splitlines()[-1]}")
        up = subprocess.run(
            [_HERE / "hosts", "up", folder, sys.prefix, wheels], capture_output=True, text=True
        )
        assert up.returncode == 0, up.stderr
        made = _Cluster(folder)
        made.file.write_text(_file(folder / "key"))
        yield made
    finally:
        subprocess.run([_HERE / "hosts", "down", folder], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def test_up_a_job_and_down(cluster):
    done = cluster.ray("up", "-y", "--no-config-cache", str(cluster.file))
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    deadline = time.monotonic() + 240
    while not all(cluster.raylets(host) for host in range(3)):
        assert time.monotonic() < deadline, cluster.on_head(
            "tail -n 50 $RAY_TMPDIR/ray/session_latest/logs/monitor.log"
        )
        time.sleep(2)

    sweep = (
        f"cd ~/shared && python -m orchestrator.sweep ctp --name s --trials 3 --set {' '.join(_TINY.split())}"
    )
    said = cluster.on_head(f"ray job submit --address http://127.0.0.1:8265 -- bash -c '{sweep}'")
    assert "Best configuration: trial" in said and "succeeded" in said, said[-3000:]
    assert "records are not there yet" not in said, "the record is in MLflow's server, whole"

    client = MlflowClient(f"sqlite:///{cluster.folder}/h0/home/mlflow/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "ctp on shapes-retrieval"]
    runs = client.search_runs([experiment.experiment_id])
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(trials) == 3 and len(runs) == 4
    assert sum("test/average" in run.data.metrics for run in trials) == 1
    assert len(list((cluster.folder / "shared/runs/s/trials").iterdir())) == 3

    token = cluster.folder / "h1/home/.ray/auth_token"
    first = cluster.folder / "h0/home/.ray/auth_token"
    assert token.read_text() == first.read_text()
    assert {path.stat().st_mode & 0o777 for path in (token, first)} == {0o600}
    assert cluster.on_head("ray status; echo at $RAY_ADDRESS").split()[-1] == "127.0.0.1:6379"
    for host in range(3):
        environment = (cluster.folder / f"h{host}/upper/environment").read_text()
        assert f"RAY_ADDRESS={_HEAD if host else '127.0.0.1'}:6379" in environment
        temporary = cluster.folder / f"h{host}/tmp"
        assert (temporary / "vlcl_root").stat().st_mode & 0o777 == 0o700
        assert list((temporary / "vlcl_root/ray").glob("session_2*")) and not (temporary / "ray").exists()
    refused = cluster.on_head("RAY_AUTH_TOKEN=wrong ray status 2>&1 || true")
    assert "Resources" not in refused, "a wrong token sees nothing"

    done = cluster.ray("down", "-y", str(cluster.file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not cluster.raylets(0)
