"""Ray, as a session wants it: joined, or started by itself."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from .errors import UserError


def start_ray(say: Callable[[str], None]) -> bool:
    """Joins the Ray at ``RAY_ADDRESS``, or starts one of this process' own, which listens on loopback alone;
    whether its dashboard runs. ``say`` prints a line of progress.

    :class:`~orchestrator.errors.UserError`: it could not be joined or started, tried twice.
    """
    address = os.environ.get("RAY_ADDRESS", "local")
    joined = address != "local"
    say(f"joining Ray at {address}" if joined else "starting Ray")
    # Train polls its workers this often; the default of 2 s delays every start and restart.
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
    # A trial that fails before its first task has no objective to report.
    os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
    # Tune's own banner and tables: the sweep prints its own.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    # Nor its log files: a trial's folder and MLflow hold the record.
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    # Lanes and their helpers are more processes than cores, as meant; Ray warns of it otherwise.
    os.environ.setdefault("RAY_worker_maximum_startup_concurrency", "16")
    import ray
    from ray._private import auto_init_hook, ray_constants

    # A thread or process that asks Ray something after it was told to end would else start or join
    # whatever cluster it finds.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    auto_init_hook.enable_auto_connect = False
    options: dict[str, Any] = {}
    if not joined:
        # Ray's own switch for a machine by itself, which it turns on macOS alone: nothing listens beyond
        # loopback. "local", since Ray would else join what a file in /tmp, open to all, says is running.
        ray_constants.ENABLE_RAY_CLUSTER = False
        options = {"address": "local", "include_dashboard": False}
        # Nor is a machine by itself taken away with a warning, which Train has a process to hear.
        os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    try:
        return _init(options)
    except Exception as error:  # noqa: BLE001 - Ray raises bare exceptions here
        # Its processes give one another seconds to come up, which a busy machine may not have.
        say(f"Ray did not come up, trying once more: {_line(error)}")
        ray.shutdown()
    try:
        return _init(options)
    except Exception as error:
        raise UserError(f"Ray could not be {'joined' if joined else 'started'}: {_line(error)}") from error


def _init(options: dict[str, Any]) -> bool:
    import ray

    context = ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
    return bool(context.dashboard_url)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
