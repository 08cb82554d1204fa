"""Variables of a shell that change how Ray works. No Ray is started."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from orchestrator import sweep
from orchestrator.commands import run_start
from orchestrator.execution.ray_environment import ray_environment


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """The environment without what a session has set in this process. It is restored afterwards."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("RAY_", "TUNE_", "AIR_")):
            monkeypatch.delenv(name)
    yield
    os.environ.clear()
    os.environ.update(before)


def _settled(**given):
    """What is printed, and what Ray then finds."""
    before, said = set(os.environ), []
    os.environ.update(given)
    ray_environment(said.append)
    return said, {name: value for name, value in os.environ.items() if name not in before}


_OURS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


@pytest.mark.parametrize("other", ["", "0", "1", "a word"])
def test_what_a_session_needs_is_set_whatever_the_shell_says(other):
    assert _settled() == ([], _OURS)
    assert _settled(**dict.fromkeys(_OURS, other)) == ([], {})
    assert _OURS.items() <= os.environ.items()


@pytest.mark.parametrize(
    "name",
    [
        "TUNE_RESULT_DIR",
        "RAY_AIR_LOCAL_CACHE_DIR",
        "TUNE_MAX_LEN_IDENTIFIER",
        "TUNE_PRINT_ALL_TRIAL_ERRORS",
        "RAY_TUNE_CALLBACKS",
        "RAY_TRAIN_CALLBACKS",
        "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S",
        "RAY_CHDIR_TO_TRIAL_DIR",
        "AIR_VERBOSITY",
    ],
)
def test_what_would_change_tune_or_train_is_said_and_away(name):
    assert _settled(**{name: "a word"}) == (
        [
            f"{name}: not followed; the settings of Ray Train and Tune are a sweep's own "
            "(--storage says where a run is kept)"
        ],
        _OURS,
    )


def test_a_time_that_a_slow_machine_needs_stays_and_so_does_what_is_none_of_tunes():
    kept = {
        "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "300",
        "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "1",
        "RAY_RUNTIME_ENV_HOOK": "somebody.hook",
        "RAY_memory_usage_threshold": "0.9",
    }
    assert _settled(**kept) == ([], _OURS | kept)


@pytest.mark.parametrize(
    "name", ["RAY_RUNTIME_ENV_HOOK", "RAY_JOB_CONFIG_JSON_ENV_VAR", "RAY_ADDRESS", "TUNE_RESULT_DIR"]
)
def test_an_empty_one_is_as_none(name):
    assert _settled(**{name: ""}) == ([], _OURS)


def test_uv_runs_folder_is_not_packed_though_ray_was_imported_before(monkeypatch):
    constants = SimpleNamespace(RAY_ENABLE_UV_RUN_RUNTIME_ENV=True)
    monkeypatch.setitem(sys.modules, "ray._private.ray_constants", constants)
    _settled()
    assert constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV is False


_SMALL = ["stream.tasks=2", "stream.train=8", "stream.validation=4", "stream.test=4"]
_IMPORTS = """
import sys
from orchestrator import sweep, train
from orchestrator.commands import run_start
def stop(say):
    print("settled", "ray.train" in sys.modules)
    raise SystemExit(0)
run_start.ray_environment = stop
for command in (sweep, train):
    try:
        command.main(["clip-finetune", "--set", *{small}])
    except SystemExit:
        pass
"""


def test_it_is_settled_before_train_is_imported_which_goes_by_it(tmp_path):
    root = os.path.dirname(os.path.dirname(sweep.__file__))
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTS.format(small=_SMALL)],
        env={**os.environ, "RAY_ADDRESS": "local", "PYTHONPATH": root},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    settled = [line for line in done.stdout.splitlines() if line.startswith("settled")]
    assert settled == ["settled False"] * 2, "of a sweep and of a run"
    assert run_start.ray_environment is ray_environment


_ELSEWHERE = {
    "RAY_REDIS_ADDRESS": "192.0.2.1:6379",
    "RAY_USE_TLS": "1",
    "RAY_GCS_SERVER_PORT": "22",
}


def test_what_leads_elsewhere_is_a_clusters(monkeypatch):
    said, left = _settled(**_ELSEWHERE)
    assert left == _OURS
    assert said == [
        f"{', '.join(sorted(_ELSEWHERE))}: not followed; a session's own Ray is this machine's alone"
    ]
    for name in _OURS:
        del os.environ[name]
    assert _settled(**_ELSEWHERE, RAY_ADDRESS="192.0.2.1:6379")[1].items() >= _ELSEWHERE.items()


def test_an_address_that_is_none_is_for_whoever_joins_a_ray():
    """A run that is over is resumed without a Ray."""
    assert _settled(RAY_ADDRESS="auto", **_ELSEWHERE)[1].items() >= _ELSEWHERE.items()
