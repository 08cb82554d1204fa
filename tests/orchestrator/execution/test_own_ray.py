"""A session's own Ray (``ray.init``), started by one ordinary user and attacked by another."""

import ipaddress
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from another_user import start_as, why_not

_WHY_NOT = why_not()
pytestmark = pytest.mark.skipif(_WHY_NOT is not None, reason=_WHY_NOT or "")

_VICTIM, _ATTACKER = 65001, 65002
_START = """
import sys
from orchestrator.execution.start_ray import start_ray
started = start_ray(lambda line: print(line, flush=True))
import ray
@ray.remote
def token():
    import os
    return os.environ["RAY_AUTH_TOKEN"]
assert len(ray.get(token.remote())) == 64
print("up", flush=True)
sys.stdin.readline()
print("ends without ending it", flush=True)
"""
# Asks every port by gRPC and HTTP; prints who answered what: [port, asked, answer].
_ASK = """
import http.client, json, sys, grpc, urllib.error, urllib.request
token, paths, *ports = sys.argv[1:]
given = {"authorization": "Bearer " + token} if token else {}
answers = []
for port in ports:
    for method in ("NodeInfoGcsService/GetAllNodeInfo", "NodeManagerService/GetNodeStats",
                   "CoreWorkerService/GetCoreWorkerStats", "ReporterService/HealthCheck"):
        with grpc.insecure_channel("127.0.0.1:" + port) as channel:
            try:
                channel.unary_unary("/ray.rpc." + method)(b"", timeout=10, metadata=list(given.items()))
                answers.append([port, method, "OK"])
            except grpc.RpcError as error:
                answers.append([port, method, error.code().name])
    for path in paths.split():
        try:
            request = urllib.request.Request("http://127.0.0.1:" + port + path, b"{", given)
            answers.append([port, path, urllib.request.urlopen(request, timeout=10).status])
        except urllib.error.HTTPError as error:
            answers.append([port, path, error.code])
        except (OSError, http.client.HTTPException):  # no port of HTTP
            answers.append([port, path, 0])
print(json.dumps(answers))
"""


class _Running:
    """A Ray of the victim's. ``temporary``: for temporary files, where the attacker has made ``ray``."""

    def __init__(self, temporary: Path, homes: Path) -> None:
        self.temporary = temporary
        self.home = homes / "victim"
        self.attackers_home = homes / "attacker"
        for home, user in ((self.home, _VICTIM), (self.attackers_home, _ATTACKER)):
            home.mkdir()
            os.chown(home, user, user)
        where = {"RAY_TMPDIR": str(temporary), "RAY_AUTH_MODE": "disabled"}
        self.driver = start_as(_VICTIM, _START, home=self.home, **where)
        self.said = []
        for line in self.driver.stdout:
            self.said.append(line)
            if line == "up\n":
                break
        assert self.said[-1:] == ["up\n"], "".join(self.said)
        self.token = psutil.Process(self.driver.pid).children()[0].environ()["RAY_AUTH_TOKEN"]
        (self.folder,) = temporary.glob("vray-*")

    def processes(self) -> dict[int, tuple[str, list[str], list]]:
        """The victim's: name, command line and sockets."""
        found = {}
        for process in psutil.process_iter(["uids"]):
            if process.info["uids"] and process.info["uids"].real == _VICTIM:
                with suppress(psutil.NoSuchProcess):  # it ends while it is looked at
                    found[process.pid] = process.name(), process.cmdline(), process.net_connections("inet")
        return found

    def attack(self, *command: str) -> subprocess.CompletedProcess:
        drop = ["setpriv", f"--reuid={_ATTACKER}", f"--regid={_ATTACKER}", "--clear-groups"]
        return subprocess.run([*drop, *command], capture_output=True, text=True)

    def listening(self) -> dict[str, str]:
        """Ports and addresses."""
        sockets = [socket for _, _, sockets in self.processes().values() for socket in sockets]
        found = [socket.laddr for socket in sockets if socket.status == "LISTEN"]
        return {str(address.port): address.ip for address in found}

    def ask(self, token: str, *paths: str) -> dict[str, list[str | int]]:
        """What another user with ``token`` is answered, by what he asked."""
        ports = self.listening()
        attacker = start_as(_ATTACKER, _ASK, token, " ".join(paths), *ports, home=self.attackers_home)
        try:
            said = attacker.communicate(timeout=120)[0]
        finally:
            attacker.kill()
        answers = {}
        for _, asked, answer in json.loads(said.splitlines()[-1]):
            answers.setdefault(asked, []).append(answer)
        return answers


@pytest.fixture(scope="module")
def running():
    # Short enough for Ray's sockets, as /tmp is, and open to all as that.
    temporary = Path(tempfile.mkdtemp(dir="/tmp"))
    temporary.chmod(0o1777)
    (temporary / "ray").mkdir(mode=0o755)
    os.chown(temporary / "ray", _ATTACKER, _ATTACKER)
    homes = Path(tempfile.mkdtemp(dir="/tmp"))
    homes.chmod(0o755)
    made = None
    try:
        made = _Running(temporary, homes)
        yield made
    finally:
        if made is not None:
            made.driver.kill()
            made.driver.wait()
        shutil.rmtree(temporary)
        shutil.rmtree(homes)


def test_another_user_can_neither_look_into_the_sessions_folder_nor_put_another_in_its_place(running):
    session = next(running.folder.glob("r/session_2*"))
    assert session.stat().st_uid == _VICTIM
    assert session.stat().st_mode & 0o777 == 0o777, "what Ray makes of it"
    for command in (
        ("ls", session),
        ("ls", running.folder),
        ("touch", session / "mine"),
        ("touch", running.folder / "mine"),
        ("cat", *session.glob("gcs_server_port_*")),
        ("mv", running.folder, running.temporary / "moved"),
    ):
        done = running.attack(*map(str, command))
        assert done.returncode and ("denied" in done.stderr or "not permitted" in done.stderr), command
    assert running.attack("touch", str(running.temporary / "mine")).returncode == 0, "it can go that far"


def test_the_token_is_in_no_file_and_no_command_line(running):
    assert len(running.token) == 64
    processes = running.processes().values()
    assert {"gcs_server", "raylet", "ray::IDLE"} <= {name for name, _, _ in processes}
    assert running.token not in str([command for _, command, _ in processes])
    assert not (running.home / ".ray").exists()
    files = [p for place in (running.folder, running.home) for p in place.rglob("*") if p.is_file()]
    assert len(files) > 5
    assert not [path for path in files if running.token.encode() in path.read_bytes()]


_PROCEDURES = (
    "NodeInfoGcsService/GetAllNodeInfo",
    "NodeManagerService/GetNodeStats",
    "CoreWorkerService/GetCoreWorkerStats",
    "ReporterService/HealthCheck",
)
_RUN_CODE = ("/api/job_agent/jobs/", "/get_or_create_runtime_env")


@pytest.mark.parametrize(("token", "refusal"), [("", 401), ("0" * 64, 403)], ids=["none", "a wrong one"])
def test_another_user_is_answered_nothing_with_as_token(running, token, refusal):
    answers = running.ask(token, *_RUN_CODE)
    for asked in _PROCEDURES:
        assert "UNAUTHENTICATED" in answers[asked] and "OK" not in answers[asked], answers
    for asked in _RUN_CODE:
        assert refusal in answers[asked] and not {200, 404, 500} & set(answers[asked]), answers


def test_who_has_the_token_is_answered(running):
    answers = running.ask(running.token, _RUN_CODE[1])
    for asked in _PROCEDURES:
        assert "OK" in answers[asked] and "UNAUTHENTICATED" not in answers[asked], answers
    assert not {401, 403} & set(answers[_RUN_CODE[1]])


def test_a_mode_left_in_the_shell_is_said_aloud_and_not_followed(running):
    assert "RAY_AUTH_MODE=disabled is not followed: the Ray of a session asks for its token\n" in running.said


def test_all_of_it_listens_on_loopback_alone(running):
    found = list(running.listening().values())
    assert len(found) > 5
    addresses = map(ipaddress.ip_address, found)
    assert all((getattr(a, "ipv4_mapped", None) or a).is_loopback for a in addresses), found


def test_its_folder_goes_with_it_and_a_folder_that_another_made_first_did_not_hinder(running):
    said = running.driver.communicate("\n", timeout=60)[0]
    assert said.endswith("ends without ending it\n") and running.driver.returncode == 0, said
    assert (running.temporary / "ray").stat().st_uid == _ATTACKER
    assert sorted(p.name for p in running.temporary.iterdir()) == ["mine", "ray"]
    assert not list((running.temporary / "ray").iterdir())
