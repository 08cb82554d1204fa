"""What a session does around ``ray.init``, which is stood in for. No Ray is started."""

import os
import socket
from pathlib import Path

import pytest

from orchestrator import start_ray as module
from orchestrator.errors import UserError
from orchestrator.start_ray import start_ray

_NAMES = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")


@pytest.fixture
def said():
    return []


@pytest.fixture
def given(monkeypatch, base):
    """What ``ray.init`` was given, each time, with the environment's mode and token."""
    found = []

    def init(options):
        found.append((options, [os.environ.get(name) for name in _NAMES]))
        if "_temp_dir" in options:
            Path(options["_temp_dir"]).mkdir(exist_ok=True)
        return True

    monkeypatch.setattr(module, "_init", init)
    return found


@pytest.fixture
def head(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        yield address


def _environment():
    return [os.environ.get(name) for name in _NAMES]


@pytest.mark.parametrize("before", [(None, None), ("disabled", "mine"), ("token", None)])
def test_each_start_has_a_new_token_and_a_folder_of_its_own_which_go_with_it(
    monkeypatch, base, given, said, before
):
    for name, value in zip(_NAMES, before, strict=True):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    for _ in range(2):
        started = start_ray(said.append)
        assert len(list(base.iterdir())) == 1
        started.end()
        assert _environment() == list(before) and not list(base.iterdir())
    (first, (mode, token)), (second, (_, other)) = given
    assert mode == "token" and len(token) == len(other) == 64 and len({token, other, before[1]}) == 3
    assert first["_temp_dir"] != second["_temp_dir"]
    assert (first["address"], first["include_dashboard"]) == ("local", False)
    aloud = "RAY_AUTH_MODE=disabled is not followed: the Ray of a session asks for its token"
    assert said == ["starting Ray", *([aloud] if before[0] == "disabled" else [])] * 2


@pytest.mark.parametrize("error", [RuntimeError("no port\nat all"), KeyboardInterrupt()])
def test_a_start_that_fails_leaves_nothing(monkeypatch, base, said, error):
    before, tried = _environment(), []

    def init(options):
        tried.append(len(list(base.iterdir())))
        raise error

    monkeypatch.setattr(module, "_init", init)
    with pytest.raises(UserError if isinstance(error, Exception) else KeyboardInterrupt) as raised:
        start_ray(said.append)
    if isinstance(error, Exception):
        assert str(raised.value) == "Ray could not be started: no port" and len(tried) == 2
    assert set(tried) == {1} and not list(base.iterdir()) and _environment() == before


@pytest.mark.parametrize("mode", [None, "disabled", "token"])
def test_a_ray_without_a_token_is_joined_and_said_aloud(monkeypatch, base, given, said, head, mode):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(base))
    if mode is not None:
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
    before = _environment()
    start_ray(said.append).end()
    assert given == [({"address": head}, before)] and not list(base.iterdir())
    why = "this Ray asks for no token, and whoever reaches it runs code there"
    assert said == [
        f"joining Ray at {head}",
        *([] if mode == "token" else [f"RAY_AUTH_MODE is {mode or 'unset'}: {why}"]),
    ]


def test_a_token_that_ray_finds_by_itself_is_no_reason_to_warn(monkeypatch, base, given, said, head):
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(base))
    (base / ".ray").mkdir()
    (base / ".ray" / "auth_token").write_text("t" * 32)
    start_ray(said.append).end()
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "x")
    start_ray(said.append).end()
    assert said == [f"joining Ray at {head}"] * 2
    monkeypatch.setenv("HOME", str(base))
    monkeypatch.delenv("RAY_AUTH_TOKEN")
    (base / ".ray" / "auth_token").write_text("")
    start_ray(said.append).end()
    assert said[-1].startswith("RAY_AUTH_MODE is unset: this Ray asks for no token"), "an empty one is none"
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    start_ray(said.append).end()
    assert said[-1].startswith("RAY_AUTH_MODE is disabled: this Ray asks for no token")


def test_what_tune_no_longer_takes_is_said_and_not_given_to_it(monkeypatch, given, said):
    for name in ("TUNE_RESULT_DIR", "RAY_AIR_LOCAL_CACHE_DIR"):
        monkeypatch.setenv(name, "/x")
    start_ray(said.append).end()
    assert "TUNE_RESULT_DIR" not in os.environ and "RAY_AIR_LOCAL_CACHE_DIR" not in os.environ
    assert [line.split(" is ")[0] for line in said[1:]] == [
        "TUNE_RESULT_DIR=/x",
        "RAY_AIR_LOCAL_CACHE_DIR=/x",
    ]
