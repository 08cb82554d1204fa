"""The environment variables by which a shell, a cluster or another tool changes how Ray works."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable

from ..errors import UserError
from .ray_address import ray_address
from .ray_private import refuse_uv_environment

_OURS = {
    # A lane is a run of Train's second version.
    "RAY_TRAIN_V2_ENABLED": "1",
    # Train polls its workers at this interval in seconds. The default of 2 s delays every start and restart.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # A trial that fails before its first task has no objective to report.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # Tune prints no banner and tables, since the sweep prints its own.
    "RAY_AIR_NEW_OUTPUT": "0",
    # Tune writes no log files, since a trial's folder and MLflow hold the record.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # A sweep is resumed from its trials' own record, which is written as they begin, report and end. Tune's
    # state grows with every trial, is unpickled to be read, and lacks the scheduler's state. It is written
    # where nobody looks, and as seldom as possible.
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",
    # Tune waits a while after Ctrl-C before anybody else hears of it, and ends at once at a second one.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # With `uv run`, Ray would pack the working folder, with .env and data, for all workers to unpack.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
_INNER = ("TUNE_", "RAY_TUNE_", "RAY_AIR_", "RAY_TRAIN_", "AIR_VERBOSITY", "RAY_CHDIR_TO_TRIAL_DIR")
_ELSEWHERE = (
    "RAY_GCS_SERVER_PORT",
    "RAY_JOB_CONFIG_JSON_ENV_VAR",
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING",
    "RAY_REDIS_ADDRESS",
    "RAY_REDIS_PASSWORD",
    "RAY_REDIS_USERNAME",
    "RAY_USE_TLS",
)
_LEFT = ("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER",)  # the cluster decides on this


def ray_environment(say: Callable[[str], None]) -> None:
    """Sets the variables that a session needs, and removes those that are in its way.

    Train and Tune are inner parts of a session. A variable of theirs for an old version, or a misspelt
    number, would end a sweep whose lanes are warm. A time of Train's in seconds (``RAY_TRAIN_..._S``) is
    kept, because a slow machine may need it. An empty variable of Ray's counts as none. Variables that lead a
    Ray to other machines, ports, keys or jobs are for clusters. They would end a session's own Ray, so that
    they are removed for it.

    Call this before Ray is imported, since Ray keeps the values that it finds then.

    Args:
        say: Prints the names of the removed variables that were not empty.
    """
    _drop(say, "a session's own Ray is this machine's alone", _ELSEWHERE if _own() else ())
    inner = [
        name
        for name, value in os.environ.items()
        if name.startswith(_INNER) and name not in (*_OURS, *_LEFT) and not _seconds(name, value)
    ]
    why = "the settings of Ray Train and Tune are a sweep's own (--storage says where a run is kept)"
    _drop(say, why, inner)
    for name in [name for name, value in os.environ.items() if name.startswith("RAY_") and not value]:
        del os.environ[name]
    os.environ.update(_OURS)
    refuse_uv_environment()


def _own() -> bool:
    try:
        return ray_address() is None
    except UserError:  # this is reported where a Ray is joined; a run that is over needs none
        return False


def _drop(say: Callable[[str], None], why: str, names: Iterable[str]) -> None:
    """Removes variables, and says which of them were not empty."""
    dropped = [name for name in sorted(names) if os.environ.pop(name, "")]
    if dropped:
        say(f"{', '.join(dropped)}: not followed; {why}")


def _seconds(name: str, value: str) -> bool:
    if not (name.startswith("RAY_TRAIN_") and name.endswith("_S")):
        return False
    try:
        return 0 < float(value) < math.inf
    except ValueError:
        return False
