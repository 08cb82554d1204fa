"""What ``RAY_ADDRESS`` may be. No Ray is started."""

import socket
import socketserver
import threading

import grpc
import pytest
from pretended_head import pretended_head

from orchestrator.errors import UserError
from orchestrator.execution import ray_address as module
from orchestrator.execution.ray_address import ray_address
from orchestrator.sweep import main
from orchestrator.train import main as train


@pytest.mark.parametrize("value", [None, "", " ", "local"])
def test_a_ray_of_ones_own(monkeypatch, value):
    monkeypatch.delenv("RAY_ADDRESS")
    if value is not None:
        monkeypatch.setenv("RAY_ADDRESS", value)
    assert ray_address(check=True) is None


@pytest.mark.parametrize(
    "value", ["192.0.2.1:6379", "head.example.com:6379", "[2001:db8::1]:6379", "ray://h:10001"]
)
def test_a_cluster(monkeypatch, value):
    monkeypatch.setenv("RAY_ADDRESS", value)
    assert ray_address() == value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("auto", "it goes by a file that others can write"),
        ("192.0.2.1", "no address"),
        ("head:many", "no address"),
        ("head:0", "no address"),
        ("head:70000", "no address"),
        (":6379", "no address"),
        ("ray://head", "no address"),
        ("[::1:6379", "no address"),
    ],
)
def test_what_is_refused(monkeypatch, value, why):
    monkeypatch.setenv("RAY_ADDRESS", value)
    with pytest.raises(UserError) as raised:
        ray_address()
    message = str(raised.value)
    assert message.startswith(f"RAY_ADDRESS={value}: {why}") and "\n" not in message
    assert message.endswith(
        "allowed: HOST:PORT of a head that runs, or unset for a Ray of this machine's own; "
        "see docs/howto/cluster.md#which-address-a-sweep-joins"
    )


@pytest.mark.parametrize("refusal", [None, grpc.StatusCode.UNAUTHENTICATED])
def test_a_head_answers_there_or_asks_for_its_token(monkeypatch, refusal):
    with pretended_head(refusal) as there:
        monkeypatch.setenv("RAY_ADDRESS", there)
        assert ray_address(check=True) == there
    with pytest.raises(
        UserError, match=rf"^no Ray at {there} \(RAY_ADDRESS\): .*refused; allowed: HOST:PORT"
    ):
        ray_address(check=True)


def _refusal(monkeypatch, there):
    monkeypatch.setenv("RAY_ADDRESS", there)
    with pytest.raises(UserError) as raised:
        ray_address(check=True)
    message = str(raised.value)
    assert message.startswith(f"no Ray at {there} (RAY_ADDRESS): ") and "\n" not in message
    return message.split("): ")[1].split("; ")[0]


_OTHER = "what listens there is no head of Ray"


def test_another_service_of_rays_own_kind_is_no_head(monkeypatch):
    with pretended_head(asked="/ray.rpc.RayletDriver/Init") as there:  # as Ray's client has at 10001
        assert _refusal(monkeypatch, there) == _OTHER
        assert _refusal(monkeypatch, f"ray://{there}") == _OTHER


def test_at_the_address_of_rays_client_its_server_must_answer(monkeypatch):
    with pretended_head(asked="/ray.rpc.RayletDriver/ClusterInfo") as there:
        monkeypatch.setenv("RAY_ADDRESS", f"ray://{there}")
        assert ray_address(check=True) == f"ray://{there}"
    assert "refused" in _refusal(monkeypatch, f"ray://{there}")


class _Other(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.request.recv(1000)


def test_a_service_of_another_kind_is_no_head(monkeypatch):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert _refusal(monkeypatch, f"127.0.0.1:{server.server_address[1]}") == _OTHER
        server.shutdown()


def test_one_that_says_nothing_is_waited_for_as_long_as_was_said(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        said = _refusal(monkeypatch, f"127.0.0.1:{server.getsockname()[1]}")
    assert said in (_OTHER, "no answer in 0 s")


def test_a_name_that_nobody_resolves_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    over = threading.Event()

    def look_up(*_):
        over.wait(60)
        raise OSError("too late")

    monkeypatch.setattr(socket, "create_connection", look_up)
    try:
        assert _refusal(monkeypatch, "head.example.com:6379") == "no answer in 0 s"
    finally:
        over.set()


@pytest.mark.parametrize("command", [main, train])
@pytest.mark.parametrize("value", ["auto", "127.0.0.1:1"])
def test_a_command_that_is_refused_leaves_nothing(monkeypatch, tmp_path, command, value):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAY_ADDRESS", value)
    small = "stream.tasks=2 stream.train=8 stream.validation=4 stream.test=4"
    with pytest.raises(UserError, match="RAY_ADDRESS"):
        command(["clip-finetune", "--name", "x", "--set", *small.split()])
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_where(monkeypatch, capsys):
    for value, said in (("", "this machine"), ("local", "this machine"), ("h:1", "the Ray cluster at h:1")):
        monkeypatch.setenv("RAY_ADDRESS", value)
        assert main(["clip-finetune", "--dry-run"]) == 0
        assert f"(a quarter; --concurrent N for more), on {said}" in capsys.readouterr().out
