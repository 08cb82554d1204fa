"""What a session does around ``ray.init``, which is replaced. No Ray is started."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from pretended_head import pretended_head
from ray._private import ray_constants, services, utils
from ray._private.node import Node

from orchestrator.errors import UserError
from orchestrator.execution import start_ray as module
from orchestrator.execution.start_ray import start_ray

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
    monkeypatch.setattr(module, "usable_cpus", lambda: 3)
    return found


@pytest.fixture
def head(monkeypatch):
    with pretended_head() as address:
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
    assert (first["address"], first["include_dashboard"], first["num_cpus"]) == ("local", False, 3)
    aloud = "RAY_AUTH_MODE=disabled is not followed: the Ray of a session asks for its token"
    assert said == ["starting Ray", *([aloud] if before[0] == "disabled" else [])] * 2


def test_a_ray_that_the_process_has_already_is_one_line_and_is_left_alone(monkeypatch, base, given, said):
    monkeypatch.setattr("ray.is_initialized", lambda: True)
    with pytest.raises(
        UserError, match=r"this process has a Ray already, .*; allowed: none, after ray.shutdown"
    ):
        start_ray(said.append)
    assert said == given == [] and not list(base.iterdir())


_LATE = "The current node timed out during startup."
_DIED = "its process raylet has died (exit status 1)"
_WAITED = f"{_DIED}: Timed out waiting for file /r/metrics_agent_port"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("no port:\n  at all"), "Ray could not be started: no port: at all"),
        (ValueError(), "Ray could not be started: ValueError"),
        (
            Exception(_LATE),
            f"Ray could not be started: {_LATE[:-1]}; try again when this machine is less busy",
        ),
        (ChildProcessError(_DIED), f"Ray could not be started: {_DIED}"),
        (
            ChildProcessError(_WAITED),
            f"Ray could not be started: {_WAITED}; try again when this machine is less busy",
        ),
        (KeyboardInterrupt(), None),
    ],
)
def test_a_start_that_fails_leaves_nothing_and_is_tried_again_where_the_machine_was_slow(
    monkeypatch, base, said, error, line
):
    before, tried = _environment(), []

    def init(options):
        tried.append(len(list(base.iterdir())))
        raise error

    monkeypatch.setattr(module, "_init", init)
    with pytest.raises(UserError if isinstance(error, Exception) else KeyboardInterrupt) as raised:
        start_ray(said.append)
    assert len(tried) == (2 if str(error) in (_LATE, _DIED, _WAITED) else 1)
    assert line is None or str(raised.value) == line
    assert set(tried) == {1} and not list(base.iterdir()) and _environment() == before


def test_the_second_try_is_not_told_of_the_firsts_dead(monkeypatch):
    known = []

    def init(options):
        known.append(list(module._Apart.started))
        module._Apart.started.append("raylet")
        if len(known) == 1:
            raise Exception(_LATE)
        return True

    monkeypatch.setattr(module, "_init", init)
    monkeypatch.setattr(module._Apart, "started", [])
    assert module._up({"num_cpus": 1}, lambda _: None, ()) is True
    assert known == [[], []]


def test_rays_own_lines_on_what_it_raises_are_not_shown(monkeypatch):
    given = {}
    monkeypatch.setattr(
        "ray.init", lambda **options: given.update(options) or SimpleNamespace(dashboard_url="")
    )
    monkeypatch.setattr("ray._private.worker.listen_error_messages", None)
    assert module._init({"address": "local"}) is False
    assert given["logging_level"] == logging.CRITICAL and given["address"] == "local"


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


@pytest.mark.parametrize("asked", [None, "1"])
def test_a_cluster_that_is_joined_after_a_ray_of_ones_own_is_taken_for_one(monkeypatch, given, said, asked):
    """It has several machines, and decides itself whether warnings that one goes away are looked for."""
    monkeypatch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", True)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    name = "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"
    monkeypatch.setenv(name, asked) if asked else monkeypatch.delenv(name, raising=False)
    started = start_ray(said.append)
    assert (ray_constants.ENABLE_RAY_CLUSTER, os.environ[name]) == (False, asked or "0")
    started.end()
    assert (ray_constants.ENABLE_RAY_CLUSTER, os.environ.get(name)) == (True, asked)


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


def test_a_ray_is_joined_with_the_mode_and_the_token_of_now(monkeypatch, given, said, head):
    """Ray keeps what it read for another Ray of this process: a cluster without tokens then takes each new
    actor for one that nobody holds.
    """
    read = []
    monkeypatch.setattr(module, "read_token_anew", lambda: read.append((len(given), _environment())))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    start_ray(said.append).end()
    assert read[0] == (0, ["disabled", None]) and len(given) == 1


def test_code_of_ones_own_goes_along_to_a_cluster(monkeypatch, given, said, head):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    start_ray(said.append, ["/home/me/mypkg"]).end()
    assert given[0][0]["address"] == head and given[0][0]["runtime_env"]["py_modules"] == ["/home/me/mypkg"]
    assert said[-1] == "sending /home/me/mypkg to the cluster's machines"
    start_ray(said.append).end()
    assert given[1][0] == {"address": head}


def test_a_cluster_is_tried_once(monkeypatch, said, head):
    tried = []

    def init(options):
        tried.append(options)
        raise RuntimeError(f"Version mismatch: {_LATE}\nthere 2.9, here 2.60")

    monkeypatch.setattr(module, "_init", init)
    with pytest.raises(UserError, match=r"^Ray could not be joined: .*there 2\.9, here 2\.60$"):
        start_ray(said.append)
    assert len(tried) == 1


def test_what_tune_no_longer_takes_is_said_and_not_given_to_it(monkeypatch, given, said):
    for name in ("TUNE_RESULT_DIR", "RAY_AIR_LOCAL_CACHE_DIR"):
        monkeypatch.setenv(name, "/x")
    start_ray(said.append).end()
    assert "TUNE_RESULT_DIR" not in os.environ and "RAY_AIR_LOCAL_CACHE_DIR" not in os.environ
    assert said[1].startswith("RAY_AIR_LOCAL_CACHE_DIR, TUNE_RESULT_DIR: not followed")


def _handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


@pytest.mark.parametrize("told", [False, True])
def test_signals_stay_the_commands_whatever_ray_makes_of_them(monkeypatch, told):
    def init(**_):
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))  # as Ray does
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if told:
            signal.raise_signal(signal.SIGTERM)
        return SimpleNamespace(dashboard_url="")

    monkeypatch.setattr(ray, "init", init)
    # The process' own, as a Ray that an earlier test started may have left others.
    usual = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    before = _handlers()
    try:
        if told:
            with pytest.raises(KeyboardInterrupt):
                module._init({})
        else:
            assert module._init({}) is False
        assert _handlers() == before
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


@pytest.fixture
def nodes(monkeypatch):
    """The nodes that Ray knows; its own look for one of them is replaced by one that says so."""
    known = []

    class State:
        def _initialize_global_state(self, options):
            assert options == "options of address"

        def node_table(self):
            return [{"NodeID": name} for name in known]

    monkeypatch.setattr("ray._private.state.GlobalState", State)
    monkeypatch.setattr(services, "_get_gcs_client_options", lambda address: f"options of {address}")
    monkeypatch.setattr(services, "get_node", lambda *asked: ("looked", *asked))
    return known


def test_ray_looks_for_its_node_once_it_is_there_since_it_sleeps_for_seconds(given, said, nodes):
    nodes.append("another")
    started, slept = start_ray(said.append), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: slept.append(seconds) or nodes.append("node"))
        assert services.get_node("address", "node") == ("looked", "address", "node")
    started.end()
    assert len(slept) == 1 and slept[0] < 1


@pytest.mark.parametrize("gone", ["services._get_gcs_client_options", "state.GlobalState"])
def test_ray_looks_for_its_node_itself_where_the_parts_are_gone(monkeypatch, given, said, nodes, gone):
    monkeypatch.delattr(f"ray._private.{gone}")
    started = start_ray(said.append)
    assert services.get_node("address", "node") == ("looked", "address", "node")
    started.end()


def test_the_wait_for_its_node_ends_with_its_processes(monkeypatch, given, said, nodes):
    absent = services.get_node
    started = start_ray(said.append)
    with services.ConsolePopen(["/bin/sh", "-c", "exit 3"]) as process:
        process.wait()
    process.args = ["/ray/raylet"]
    with pytest.raises(ChildProcessError, match=r"^its process raylet has died \(exit status 3\)$"):
        services.get_node("address", "node")
    started.end()
    assert services.get_node is absent


def test_its_needless_processes_are_no_other_rays_loss(given, said):
    names = ("start_monitor", "start_log_monitor", "start_api_server")
    usual = utils.get_dashboard_dependency_error
    started = start_ray(said.append)
    spared = [getattr(Node, name) for name in names]
    assert utils.get_dashboard_dependency_error is Node.start_monitor and usual is not Node.start_monitor
    started.end()
    assert utils.get_dashboard_dependency_error is usual
    assert [start(None) for start in spared] == [None] * 3
    assert [getattr(Node, name).__qualname__ for name in names] == [f"Node.{name}" for name in names]


def test_modules_are_imported_while_ray_comes_up(monkeypatch, given, said):
    begun = []

    @contextmanager
    def meanwhile(modules):
        begun.append((modules, len(given)))
        yield
        begun.append(len(given))

    monkeypatch.setattr(module, "imported_meanwhile", meanwhile)
    start_ray(said.append, meanwhile=["one", "other"]).end()
    assert begun == [(["one", "other"], 0), 1]


def test_nothing_is_imported_beside_a_second_try_whose_processes_would_come_up_later_for_it(monkeypatch):
    events = []

    @contextmanager
    def meanwhile(modules):
        events.append(modules)
        try:
            yield
        finally:
            events.append("imported")

    def init(options):
        events.append("init")
        if events.count("init") == 1:
            raise ChildProcessError(_DIED)
        return False

    monkeypatch.setattr(module, "imported_meanwhile", meanwhile)
    monkeypatch.setattr(module, "_init", init)
    assert module._up({"num_cpus": 1}, lambda _: None, ["one"]) is False
    assert events == [["one"], "init", "imported", "init"]


def test_rays_processes_are_in_a_group_of_their_own(given, said):
    start_ray(said.append).end()
    command = [sys.executable, "-c", "import os; print(os.getpgrp() == os.getpid())"]
    with services.ConsolePopen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0] == "True\n"


def test_who_asks_ray_after_its_end_joins_no_other(monkeypatch, given, said):
    monkeypatch.setattr(ray, "init", lambda *_, **__: pytest.fail("another is joined"))
    start_ray(said.append).end()
    assert not ray.is_initialized() and os.environ["RAY_ENABLE_AUTO_CONNECT"] == "0"
    for ask in (
        lambda: ray.get(ray.ObjectRef.from_random()),
        lambda: ray.put(1),
        lambda: ray.get_actor("x"),
        lambda: ray.nodes(),
        lambda: ray.remote(dict).remote(),
    ):
        with pytest.raises(Exception, match=r"ray\.init|[Nn]ot .*(started|initialized|connected)"):
            ask()
