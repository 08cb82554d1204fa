"""What ``RAY_ADDRESS`` may be. No Ray is started."""

import socket

import pytest

from orchestrator.errors import UserError
from orchestrator.ray_address import ray_address
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
        "allowed: HOST:PORT of a head that runs, or unset for a Ray of this machine's own"
    )


def test_somebody_has_to_listen_there(monkeypatch, free_port):
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", there)
        assert ray_address(check=True) == there
    with pytest.raises(
        UserError, match=rf"^no Ray at {there} \(RAY_ADDRESS\): .*refused; allowed: HOST:PORT"
    ):
        ray_address(check=True)


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
        assert f"as many trials at once as fit, on {said}" in capsys.readouterr().out
