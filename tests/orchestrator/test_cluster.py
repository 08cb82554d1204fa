"""cluster.yaml against Ray's own schema and launcher, without an account."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import requests
import yaml
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from orchestrator.cluster import main
from orchestrator.errors import UserError
from orchestrator.execution.checked_cluster import checked_cluster

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "cluster.yaml"


def on_premise():
    """The shipped file with its commented block in the place of AWS's."""
    before, _, block, after = re.split(r"^# ---.*\n", SHIPPED.read_text(), flags=re.M)
    return before + re.sub(r"^# ", "", block, flags=re.M) + after


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cluster.yaml"
    shutil.copyfile(SHIPPED, path)
    return path


def test_the_shipped_file_is_taken(capsys):
    assert main(["validate", str(SHIPPED)]) == 0
    assert "ok: aws, head head, up to 8 worker(s) of worker.spot, worker.on-demand" in capsys.readouterr().out


def test_without_a_file_it_is_the_one_here_or_the_packages_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["validate"]) == 0
    said = capsys.readouterr().out
    package = ROOT / "orchestrator" / "cluster.yaml"
    assert said.startswith(f"{package}: ok: aws,") and package.resolve() == SHIPPED.resolve()
    assert (
        "cluster.yaml"
        in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
            "orchestrator"
        ]
    ), "an installation has it"
    (tmp_path / "cluster.yaml").write_text(on_premise())
    assert main(["validate"]) == 0
    assert capsys.readouterr().out.startswith("cluster.yaml: ok: local,")


def test_the_commented_block_makes_it_on_premise(file):
    file.write_text(on_premise())
    values = yaml.safe_load(file.read_text())
    assert "available_node_types" not in values and values["provider"]["type"] == "local"
    assert checked_cluster(file).startswith("ok: local,")
    shipped = yaml.safe_load(SHIPPED.read_text())
    cloud = {"provider", "auth", "head_node_type", "available_node_types"}
    assert {k: v for k, v in values.items() if k not in cloud} == {
        k: v for k, v in shipped.items() if k not in cloud
    }


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("idle_timeout_minutes", "idle_timeout_minuts", "'idle_timeout_minuts' was unexpected"),
        ("max_workers: 8\nup", "max_workers: many\nup", "max_workers: 'many' is not of type 'integer'"),
        ("head_node_type: head", "head_node_type: hed", "head_node_type"),
        ("cluster_name: vlcl", "cluster_name: vlcl\ncluster_name: x", "given twice"),
        ("setup_commands:\n  - python3", "setup_commands: [\n  - python3", "not valid YAML"),
    ],
)
def test_what_ray_would_not_take_is_one_line(file, old, new, wanted):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError) as raised:
        checked_cluster(file)
    message = str(raised.value)
    assert wanted in message and "\n" not in message and message.startswith(str(file))


def test_a_machine_list_that_is_not_there_is_one_line(file):
    file.write_text(re.sub(r"  worker_ips.*\n", "", on_premise()))
    with pytest.raises(UserError, match="worker_ips") as raised:
        checked_cluster(file)
    assert "\n" not in str(raised.value)


def test_spot_machines_come_first_and_on_demand_ones_where_spot_was_refused():
    from ray.autoscaler._private.util import prepare_config
    from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
    from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
    from ray.autoscaler.v2.utils import ResourceRequestUtil

    values = yaml.safe_load(SHIPPED.read_text())
    assert any("RAY_enable_autoscaler_v2" in command for command in values["head_start_ray_commands"])
    types = values["available_node_types"]
    types["head"]["resources"] = {"CPU": 4}
    for name in ("worker.spot", "worker.on-demand"):
        types[name]["resources"] = {"CPU": 4, "GPU": 1}
    configs = AutoscalingConfig(prepare_config(values), skip_content_hash=True).get_node_type_configs()

    def asked(trial, available):
        requests = [ResourceRequestUtil.make(trial)] * 2
        request = SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=configs,
            max_num_nodes=values["max_workers"],
            resource_requests=ResourceRequestUtil.group_by_count(requests),
            recoverable_resource_availabilities=available,
        )
        reply = ResourceDemandScheduler(None).schedule(request)
        return {launch.instance_type: launch.count for launch in reply.to_launch}

    assert asked({"CPU": 1, "GPU": 1}, {}) == {"worker.spot": 2}
    assert asked({"CPU": 1, "GPU": 0.5}, {}) == {"worker.spot": 1}
    assert asked({"CPU": 1, "GPU": 1}, {"worker.spot": 0.0}) == {"worker.on-demand": 2}
    assert asked({"CPU": 1, "GPU": 8}, {}) == {}


def test_the_dashboard_listens_on_loopback_alone():
    commands = " ".join(yaml.safe_load(SHIPPED.read_text())["head_start_ray_commands"])
    assert "--dashboard-host=127.0.0.1" in commands
    assert "0.0.0.0" not in SHIPPED.read_text()


def _command(of, having):
    """The one of a list of cluster.yaml's commands with ``having`` in it."""
    (command,) = [c for c in yaml.safe_load(SHIPPED.read_text())[of] if having in c]
    return command


def _bash(command, home, **environment):
    given = {"HOME": str(home), "PATH": os.environ["PATH"], **environment}
    return subprocess.run(["bash", "-c", command], env=given, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("launcher", "head"), [({"RAY_HEAD_IP": "192.0.2.10"}, "192.0.2.10"), ({}, "127.0.0.1")]
)
def test_every_machine_is_told_the_heads_address_whatever_it_was_told_before(tmp_path, launcher, head):
    """The launcher gives ``RAY_HEAD_IP`` to workers alone."""
    bashrc = tmp_path / ".bashrc"
    bashrc.write_text("export PATH=~/vlcl-env/bin:$PATH RAY_AUTH_MODE=token RAY_ADDRESS=auto\n")
    (tmp_path / "vlcl-env").mkdir()
    command = _command("setup_commands", "RAY_ADDRESS")
    assert _bash(command, tmp_path, RAY_HEAD_IP="192.0.2.99").returncode == 0
    once = bashrc.read_text()
    done = _bash(command, tmp_path, **launcher)
    assert done.returncode == 0 and not done.stderr and bashrc.read_text() == once
    show = "echo $RAY_ADDRESS $RAY_AUTH_MODE $RAY_TMPDIR $MLFLOW_TRACKING_URI $PATH"
    said = _bash(f". ~/.bashrc; {show}", tmp_path).stdout.split()
    user = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    assert said[:4] == [f"{head}:6379", "token", f"/tmp/vlcl_{user}", "http://127.0.0.1:5000"]
    assert said[4].startswith(f"{tmp_path}/vlcl-env/bin:")


def test_no_command_goes_by_a_file_that_others_can_write():
    values = yaml.safe_load(SHIPPED.read_text())
    commands = [c for name, value in values.items() if name.endswith("commands") for c in value]
    assert len(commands) > 8 and not [c for c in commands if re.search(r"=auto\b|/tmp/ray\b", c)]


@pytest.mark.parametrize("before", [None, 0o644])
def test_the_token_is_its_users_alone(tmp_path, before):
    command = _command("head_setup_commands", "get-auth-token")
    ray = tmp_path / "vlcl-env/bin/ray"
    ray.parent.mkdir(parents=True)
    token = tmp_path / ".ray/auth_token"
    if before is None:
        ray.symlink_to(Path(sys.executable).parent / "ray")
    else:  # Ray, which takes seconds to import, then does no more than say it
        ray.write_text("#!/bin/sh\ncat ~/.ray/auth_token\n")
        ray.chmod(0o755)
        token.parent.mkdir()
        token.write_text("0" * 64)
        token.chmod(before)
    done = _bash(f"umask 022; {command}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert token.stat().st_mode & 0o777 == 0o600 and len(token.read_text()) == 64
    assert token.read_text() not in done.stdout + done.stderr
    assert before is not None or token.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("of", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_rays_files_are_where_its_user_alone_may_enter_or_ray_does_not_start(tmp_path, of):
    commands = yaml.safe_load(SHIPPED.read_text())[of]
    close = _command(of, "RAY_TMPDIR")
    (start,) = [k for k, command in enumerate(commands) if re.search(r"\bray start\b", command)]
    assert commands.index("ray stop") < commands.index(close) < start
    place = tmp_path / "place"

    def closed():
        done = _bash(f"umask 022; {close}", tmp_path, RAY_TMPDIR=str(place))
        assert done.returncode or place.stat().st_mode & 0o777 == 0o700
        return done.returncode == 0

    assert closed() and closed(), "also where it is there already"
    place.chmod(0o777)
    assert closed()
    if os.geteuid() == 0:
        os.chown(place, 65002, 65002)
        assert not closed(), "another's"
    place.rmdir()
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    assert not closed(), "a link, which another may have made"


def test_on_aws_checkpoints_are_kept_in_the_accounts_bucket(s3, tmp_path):
    """The file's own command, asked of a server that speaks AWS's protocol; ``s3`` points boto3 to it."""
    (command,) = [c for c in yaml.safe_load(SHIPPED.read_text())["head_setup_commands"] if "VLCL" in c]
    python = tmp_path / "vlcl-env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    launched, bash = tmp_path / "ray_bootstrap_config.yaml", tmp_path / ".bashrc"

    def set_up(head_node_type):
        launched.write_text(f"head_node_type: {head_node_type}\n")
        environment = {**os.environ, "HOME": str(tmp_path)}
        subprocess.run(["bash", "-ec", command], env=environment, check=True)
        return bash.read_text() if bash.exists() else ""

    assert set_up("local.cluster.node") == "", "Ray's name for the machines of a local provider"
    once = set_up("head")
    assert re.fullmatch(r"export VLCL_STORAGE=s3://vlcl-\d{12}/runs\n", once)
    assert set_up("head") == once


@pytest.fixture
def head(s3, free_port, tmp_path, monkeypatch):
    """Runs what the file has its head run: commands that name a word, in the order of the file. The home is
    another one, and so is the port.
    """
    port = free_port()
    python = tmp_path / "vlcl-env/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    values = yaml.safe_load(SHIPPED.read_text())
    path = f"{python.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "VLCL_STORAGE": f"{s3}-mlflow", "HOME": str(tmp_path), "PATH": path}

    def run(section, word):
        commands = [command.replace("5000", str(port)) for command in values[section] if word in command]
        assert commands
        for command in commands:
            # The user's own umask, as far as it lets others read.
            done = subprocess.run(
                ["bash", "-ec", f"umask 022; {command}"],
                env=environment,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        return done.stdout

    run.home, run.port = tmp_path, port
    yield run
    for process in psutil.process_iter(["cmdline"]):
        if str(port) in (process.info["cmdline"] or []):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_mlflow_on_the_head_asks_for_a_password_and_keeps_artifacts_where_checkpoints_are(
    s3, head, monkeypatch
):
    (head.home / "mlflow").mkdir(mode=0o755)  # of a head that had no password yet
    file, made = head.home / "mlflow/password", set()
    for _ in range(2):  # the second `ray up` changes nothing
        head("head_setup_commands", "mlflow/password")
        made.add(file.read_text().strip())
    (password,) = made
    assert len(password) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    head("head_setup_commands", "MLFLOW_TRACKING_PASSWORD")
    (line,) = (head.home / ".bashrc").read_text().splitlines()
    assert password not in line
    asked = ["bash", "-c", f"{line}; echo $MLFLOW_TRACKING_USERNAME; echo $MLFLOW_TRACKING_PASSWORD"]
    given = subprocess.run(asked, env={"HOME": str(head.home)}, capture_output=True, text=True).stdout.split()
    assert given[1] == password

    assert head("head_start_ray_commands", "mlflow") == ""
    (server,) = [p for p in psutil.process_iter(["cmdline"]) if str(head.port) in (p.info["cmdline"] or [])]
    assert password not in str(server.cmdline()) and server.uids().real == os.getuid()
    assert "its server runs already" in head("head_start_ray_commands", "mlflow")

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    client = MlflowClient(f"http://127.0.0.1:{head.port}")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD", raising=False)
    with pytest.raises(MlflowException, match="401"):
        client.create_experiment("e")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", given[0])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", given[1])
    run = client.create_run(client.create_experiment("e")).info.run_id
    client.log_artifact(run, str(SHIPPED))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert {"password", "mlflow.db", "server.log"} <= modes.keys() and set(modes.values()) == {0o600}, modes
    import s3fs

    found = s3fs.S3FileSystem().find(f"{s3}-mlflow/mlflow-artifacts")
    assert [path for path in found if path.endswith(f"{run}/artifacts/cluster.yaml")]
    elsewhere = client.create_experiment("x", f"file://{head.home}")
    asked = {"run_id": client.create_run(elsewhere).info.run_id}
    url = f"http://127.0.0.1:{head.port}/api/2.0/mlflow/artifacts/list"
    answer = requests.get(url, asked, auth=tuple(given), timeout=60)
    assert answer.status_code == 400 and "not served; allowed: buckets alone" in answer.text


def test_a_port_that_somebody_else_has_stops_the_head(head):
    """Whoever has it would be given the password, with every record."""
    head("head_setup_commands", "mlflow/password")
    with socket.socket() as taken, pytest.raises(subprocess.CalledProcessError):
        taken.bind(("127.0.0.1", head.port))
        taken.listen()
        head("head_start_ray_commands", "mlflow")
    commands = yaml.safe_load(SHIPPED.read_text())["head_start_ray_commands"]
    order = [next(n for n, line in enumerate(commands) if what in line) for what in ("serve", "ray stop")]
    assert order == sorted(order), "what runs goes on, where the port is taken"


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator.cluster", "validate", "none.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and done.stderr.startswith("error: none.yaml: cannot be read")


def test_what_speaks_s3_is_installed_wherever_a_storage_may_be_asked_for():
    for file in ("cluster.yaml", "docs/kuberay/Dockerfile"):
        (line,) = re.findall(r".*pip install .*-e.*", (ROOT / file).read_text())
        assert "'.[aws]'" in line, file
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert any(name.startswith("s3fs") for name in extras["aws"])
