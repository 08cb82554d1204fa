"""cluster.yaml for real: Ray's launcher brings up a head and two workers over SSH, and a sweep runs there."""

import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_HOSTS = _HEAD, *_WORKERS = [f"10.77.0.1{i}" for i in range(3)]
_TOOLS = ("sshd", "ssh", "ssh-keygen", "rsync", "ip", "ss", "unshare")
_TINY = """stream.tasks=2 stream.train=48 stream.validation=12 stream.test=12 stream.query=8 stream.gallery=12
method.backbone.image_width=32 method.backbone.image_depth=1 method.backbone.image_heads=2
method.backbone.text_width=32 method.backbone.text_layers=2 method.backbone.text_heads=2
method.backbone.fusion_layer=1 method.embed_dim=16 method.batch_size=16 method.epochs=2"""
# The package, and what lies beside it in somebody's working tree.
_SENT = (
    "orchestrator",
    "methods",
    "search_spaces",
    "pyproject.toml",
    "constraints.txt",
    "README.md",
    "LICENSE",
)
_KEPT = (
    ".env",
    "deploy_key",
    "notes/passwords",
    ".aws/credentials",
    "runs/old/sweep.yaml",
    "orchestrator/.env",
    "orchestrator/deploy.pem",
    "methods/vqa/id_ed25519",
    "search_spaces/runs/old/sweep.yaml",
)


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


def _ssh_config(hosts: list[str], known: str) -> str:
    """docs/ssh_config for ``hosts``, whose keys are in ``known``."""
    shipped = (_ROOT / "docs/ssh_config").read_text()
    config = re.sub(r"^Host .*$", f"Host {' '.join(hosts)}", shipped, flags=re.M)
    return config.replace("~/.ssh/vlcl_hosts", known)


class _Hosts:
    """The hosts, and this machine, whose ``ssh`` has docs/ssh_config for its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wheels = folder / "wheels"
        self.known = folder / "known"
        (folder / "ssh_config").write_text(_ssh_config(_HOSTS, str(self.known)))
        tools = folder / "bin"
        tools.mkdir()
        (tools / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
        (tools / "ssh").chmod(0o755)
        self.path = f"{tools}:{os.environ['PATH']}"

    def know(self, known: Path, **instead: str) -> None:
        """Writes a file of known hosts; ``instead``: another key for ``h0`` .. ``h2``."""
        lines = []
        for number, address in enumerate(_HOSTS):
            own = (self.folder / f"h{number}/host_key.pub").read_text()
            kind, key, *_ = instead.get(f"h{number}", own).split()
            lines.append(f"{address} {kind} {key}\n")
        known.write_text("".join(lines))

    def another_key(self) -> str:
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "another"], check=True
        )
        return (self.folder / "another.pub").read_text()


@pytest.fixture
def hosts():
    # Hosts do not share /tmp.
    folder = Path("/var/tmp") / f"vlcl-hosts-{os.getpid()}"
    folder.mkdir()
    with Path("/run/vlcl-hosts.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a machine has one network of that name
        yield from _up(folder)


def _up(folder):
    try:
        made = _Hosts(folder)
        made.wheels.mkdir()
        line = [_HERE / "hosts", "up", folder, sys.prefix, made.wheels]
        up = subprocess.run(line, capture_output=True, text=True)
        assert up.returncode == 0, up.stderr
        made.know(made.known)
        yield made
    finally:
        subprocess.run([_HERE / "hosts", "down", folder], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


class _Cluster:
    def __init__(self, hosts: _Hosts) -> None:
        self.hosts = hosts
        self.folder = hosts.folder
        self.tree = self.folder / "tree"
        self.file = self.folder / "cluster.yaml"
        self.file.write_text(_file(self.folder / "key"))
        self.said = self.folder / "said"

    def start(self, command: str, *arguments: str) -> subprocess.Popen:
        """Starts one of the launcher's commands on this machine, in the working tree; what it says goes to
        :attr:`said`.
        """
        environment = {k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI")}
        with self.said.open("w") as said:
            return subprocess.Popen(
                [str(Path(sys.executable).parent / "ray"), command, *arguments],
                cwd=self.tree,
                env=environment | {"PATH": self.hosts.path},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def ray(self, command: str, *arguments: str) -> tuple[int, str]:
        """Exit status and output of one of the launcher's commands."""
        process = self.start(command, *arguments)
        try:
            process.wait(400)
        finally:
            process.kill()
        return process.returncode, self.said.read_text()

    def on_head(self, command: str) -> str:
        status, said = self.ray("exec", "--no-config-cache", str(self.file), command)
        assert status == 0, said
        return said

    def raylets(self, host: int) -> int:
        names = [Path(f"/proc/{pid}/comm") for pid in _pids(host)]
        return sum(name.exists() and name.read_text().strip() == "raylet" for name in names)


def _pids(host: int) -> list[str]:
    found = subprocess.run(["ip", "netns", "pids", f"vlcl{host}"], capture_output=True, text=True)
    return found.stdout.split()


def _workers_listen(host: int) -> set[tuple[str, str]]:
    """(process, address) where workers of lanes listen on a host."""
    line = ["ip", "netns", "exec", f"vlcl{host}", "ss", "-ltnpH"]
    found = set()
    for row in subprocess.run(line, capture_output=True, text=True).stdout.splitlines():
        address = row.split()[3].rpartition(":")[0].strip("[]").partition("%")[0].removeprefix("::ffff:")
        for pid in re.findall(r"pid=(\d+)", row):
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"RayTrainWorker" in command.read_bytes():
                found.add((pid, address))
    return found


def _modes(folder: Path, pattern: str) -> list[str]:
    rows = []
    for path in sorted(folder.glob(pattern)):
        with suppress(FileNotFoundError):  # a sweep is at it
            rows.append(f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(folder)}")
    return rows


def _what_is_open(folder: Path) -> str:
    """What listens on each host, and the modes of what a sweep has there, as ``ss`` and ``stat`` say it."""
    said = []
    for host in range(3):
        ss = ["ip", "netns", "exec", f"vlcl{host}", "ss", "-ltnpH"]
        listens = subprocess.run(ss, capture_output=True, text=True).stdout.splitlines()
        rows = [re.sub(r"^(\S+\s+){3}(\S+).*users:\(\(\"([^\"]+).*", r"\2 \3", row) for row in listens]
        counted = Counter(row.rpartition(":")[0] + " " + row.split()[-1] for row in rows)
        said += [f"h{host}: {n} x {row}" for row, n in sorted(counted.items())]
        patterns = ("home/.ray/auth_token", "home/mlflow", "home/mlflow/*", "home/ray_bootstrap_*", "tmp/*")
        for pattern in patterns:
            said += [f"h{host}: {row}" for row in _modes(folder / f"h{host}", pattern)]
    for pattern in ("shared/runs", "shared/runs/*", "shared/runs/*/*"):
        said += _modes(folder, pattern)
    return "\n".join(said)


@pytest.fixture
def cluster(hosts):
    pip = [sys.executable, "-m", "pip", "download", "-q", "-d", hosts.wheels, "setuptools>=77", "boto3"]
    got = subprocess.run(pip, capture_output=True, text=True)
    if got.returncode:
        pytest.skip(f"pip cannot fetch what hosts install: {got.stderr.strip().splitlines()[-1]}")
    made = _Cluster(hosts)
    for name in _SENT:
        take = shutil.copytree if (_ROOT / name).is_dir() else shutil.copyfile
        made.tree.mkdir(exist_ok=True)
        take(_ROOT / name, made.tree / name)
    for name in _KEPT:
        (made.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (made.tree / name).write_text("a secret")
    ssh = made.folder / "h0/home/.ssh"
    ssh.mkdir(mode=0o700)
    hosts.know(ssh / "vlcl_hosts")
    (ssh / "config").write_text(_ssh_config(_WORKERS, "~/.ssh/vlcl_hosts"))
    return made


def _files(folder: Path) -> set[str]:
    """What the package is made of there, without what Python and pip make of it."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path and ".egg-info" not in path}


def test_a_machine_with_another_host_key_gets_nothing(hosts, monkeypatch):
    """What Ray's launcher would send to the head goes to a machine that answers in its place."""
    import click
    from ray.autoscaler._private.command_runner import SSHCommandRunner
    from ray.autoscaler._private.subprocess_output_util import ProcessRunnerError

    class Provider:
        def external_ip(self, node):
            return node

    def send(address):
        options = {"ssh_user": "root", "ssh_private_key": str(hosts.folder / "key")}
        name = f"vlcl-{time.monotonic_ns()}"  # connections are shared by a cluster's name
        runner = SSHCommandRunner("", address, Provider(), options, name, subprocess, False)
        runner.run_rsync_up(str(hosts.folder / "key"), "~/sent")

    sent = hosts.folder / "h0/home/sent"
    deadline = time.monotonic() + 20
    while "Server listening" not in (hosts.folder / "h0/sshd.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    monkeypatch.setenv("PATH", hosts.path)
    hosts.know(hosts.known, h0=hosts.another_key())
    with pytest.raises((click.ClickException, ProcessRunnerError)):
        send(_HEAD)
    assert not sent.exists()
    hosts.known.write_text("")
    with pytest.raises((click.ClickException, ProcessRunnerError)):
        send(_HEAD)
    assert not sent.exists()
    hosts.know(hosts.known)
    send(_HEAD)
    assert sent.exists(), "the head itself gets it"
    with pytest.raises((click.ClickException, ProcessRunnerError)):
        send(_WORKERS[0])
    assert not (hosts.folder / "h1/home/sent").exists(), "the key opens a worker from the head alone"
    line = ["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"]
    line += [hosts.folder / "key", f"root@{_HEAD}", "-W"]
    forward = {port: subprocess.run([*line, f"localhost:{port}"], capture_output=True) for port in (8265, 22)}
    assert b"Connection refused" in forward[8265].stderr, "the dashboard's port, where nobody listens yet"
    assert b"administratively prohibited" in forward[22].stderr


@pytest.mark.slow
def test_up_a_job_and_down(cluster):
    status, said = cluster.ray("up", "-y", "--no-config-cache", str(cluster.file))
    assert status == 0, said[-3000:]
    deadline = time.monotonic() + 240
    while not all(cluster.raylets(host) for host in range(3)):
        assert time.monotonic() < deadline, cluster.on_head(
            "tail -n 50 $RAY_TMPDIR/ray/session_latest/logs/monitor.log"
        )
        time.sleep(2)

    package = {file for file in _files(cluster.tree) - set(_KEPT) if not file.endswith(".gitignore")}
    for host in ("h0", "h1", "h2"):
        assert _files(cluster.folder / host / "home/vlcl") == package
    key = cluster.folder / "h0/home/ray_bootstrap_key.pem"
    assert key.read_text() == (cluster.folder / "key").read_text() and key.stat().st_mode & 0o777 == 0o600

    sweep = (
        "cd ~/shared && python -m orchestrator.sweep ctp --name s --trials 3 --workers 4 "
        f"--set {' '.join(_TINY.split())}"
    )
    job = f"ray job submit --address http://127.0.0.1:8265 -- bash -c '{sweep}'"
    process = cluster.start("exec", "--no-config-cache", str(cluster.file), job)
    listening, seen = [set(), set(), set()], ""
    try:
        while process.poll() is None:
            for host in range(3):
                listening[host] |= _workers_listen(host)
            if not seen and sum(map(bool, listening)) > 1:
                seen = _what_is_open(cluster.folder)
            time.sleep(0.5)
    finally:
        process.kill()
    print(seen)  # `pytest -s -n 0` shows it
    open_to_all = [row for row in seen.splitlines() if re.search(r" ?-.{7}w. ", row)]
    assert "-rw-------" in seen and not open_to_all, seen
    said = cluster.said.read_text()
    assert "Best configuration: trial" in said and "succeeded" in said, said[-3000:]
    assert "records are not there yet" not in said, "the record is in MLflow's server, whole"
    assert sum(map(bool, listening)) > 1, "a lane's workers are on several machines"
    for host, found in enumerate(listening):
        pids = {pid for pid, _ in found}
        own = {(pid, address) for pid, address in found if address == _HOSTS[host]}
        assert {pid for pid, _ in own} == pids, "gloo listens on the cluster's address"
        assert {address for _, address in found - own} <= {"*", "0.0.0.0", "::"}, "Ray's own"

    asked = (
        """python -c 'import urllib.request as r; r.urlopen("http://127.0.0.1:5000/health")' 2>&1 || true"""
    )
    assert "HTTP Error 401" in cluster.on_head(asked), "it has a login"
    kept = cluster.folder / "h0/home/mlflow"
    assert (kept / "password").stat().st_mode & 0o077 == 0 and kept.stat().st_mode & 0o077 == 0
    link = cluster.on_head("echo http://vlcl:$(cat ~/mlflow/password)@localhost:5000/login")
    assert f"http://vlcl:{(kept / 'password').read_text().strip()}@localhost:5000/login" in link
    assert not list(cluster.folder.glob("h[12]/home/mlflow")), "workers need no password"

    client = MlflowClient(f"sqlite:///{cluster.folder}/h0/home/mlflow/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "shapes-retrieval"]
    runs = client.search_runs([experiment.experiment_id])
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(trials) == 3 and len(runs) == 4
    assert sum("test/average" in run.data.metrics for run in trials) == 1
    assert len(list((cluster.folder / "shared/runs/s/trials").iterdir())) == 3

    token = cluster.folder / "h1/home/.ray/auth_token"
    first = cluster.folder / "h0/home/.ray/auth_token"
    assert token.read_text() == first.read_text()
    assert {path.stat().st_mode & 0o777 for path in (token, first)} == {0o600}
    assert "at 127.0.0.1:6379\n" in cluster.on_head("ray status; echo at $RAY_ADDRESS").replace("\r", "")
    for host in range(3):
        environment = (cluster.folder / f"h{host}/upper/environment").read_text()
        assert f"RAY_ADDRESS={_HEAD if host else '127.0.0.1'}:6379" in environment
        temporary = cluster.folder / f"h{host}/tmp"
        assert (temporary / "vlcl_root").stat().st_mode & 0o777 == 0o700
        assert list((temporary / "vlcl_root/ray").glob("session_2*")) and not (temporary / "ray").exists()
    refused = cluster.on_head("RAY_AUTH_TOKEN=wrong ray status 2>&1 || true")
    assert "Resources" not in refused, "a wrong token sees nothing"

    as_ray_does = "ssh -i ~/ray_bootstrap_key.pem -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    reach = f"{as_ray_does} root@{_WORKERS[0]} echo reached 2>&1 || true"
    assert "reached" in cluster.on_head(reach)
    cluster.hosts.know(cluster.folder / "h0/home/.ssh/vlcl_hosts", h1=cluster.hosts.another_key())
    assert "KnownHostsCommand failed" in cluster.on_head(reach), "the head asks for a worker's key as well"

    status, said = cluster.ray("down", "-y", str(cluster.file))
    assert status == 0, said
    assert not cluster.raylets(0)
