"""Ray, as a session wants it: joined, or started by itself."""

from __future__ import annotations

import atexit
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from .errors import UserError
from .ray_address import ray_address
from .ray_folder import RayFolder
from .ray_token import RayToken


class StartedRay:
    """A Ray that a session uses. ``dashboard``: whether its dashboard runs."""

    def __init__(self, dashboard: bool, ends: ExitStack) -> None:
        self.dashboard = dashboard
        self._ends = ends
        # Before Ray's own, which makes the folder anew as it ends, for what it may have moved to disk.
        atexit.register(self.end)

    def end(self) -> None:
        """Leaves it, or ends it with its folder and its token where it is the session's own."""
        atexit.unregister(self.end)
        self._ends.close()


def start_ray(say: Callable[[str], None]) -> StartedRay:
    """Joins the Ray at ``RAY_ADDRESS``, or starts one of this process' own. That one listens on loopback
    alone, asks for a token that is in no file, and keeps its files where nobody else can look. ``say`` prints
    progress.

    :class:`~orchestrator.errors.UserError`: it could not be joined or started, tried twice; or it must not be
    (:func:`~orchestrator.ray_address.ray_address`, :class:`~orchestrator.ray_folder.RayFolder`).
    """
    address = ray_address(check=True)
    say("starting Ray" if address is None else f"joining Ray at {address}")
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
    # Tune raises an error for these, which it followed once.
    for name in ("TUNE_RESULT_DIR", "RAY_AIR_LOCAL_CACHE_DIR"):
        if value := os.environ.pop(name, None):
            say(f"{name}={value} is not followed: --storage says where a run is kept beside its folder")
    with ExitStack() as ends:
        options = _own(say, ends) if address is None else _joined(address, say)
        import ray
        from ray._private import auto_init_hook

        # A thread or process that asks Ray something after it was told to end would else start or join
        # whatever cluster it finds.
        os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
        auto_init_hook.enable_auto_connect = False
        ends.callback(ray.shutdown)
        try:
            dashboard = _init(options)
        except Exception as error:  # noqa: BLE001 - Ray raises bare exceptions here
            # Its processes give one another seconds to come up, which a busy machine may not have.
            say(f"Ray did not come up, trying once more: {_line(error)}")
            ray.shutdown()
            dashboard = _once_more(options, "started" if address is None else "joined")
        return StartedRay(dashboard, ends.pop_all())


def _own(say: Callable[[str], None], ends: ExitStack) -> dict[str, Any]:
    """Options of ``ray.init`` for a Ray of this process' own, and what is undone after its end."""
    ends.callback(RayToken(say).forget)
    from ray._private import ray_constants

    # Ray's own switch for a machine by itself, which it turns on macOS alone: nothing listens beyond
    # loopback.
    ray_constants.ENABLE_RAY_CLUSTER = False
    # Nor is a machine by itself taken away with a warning, which Train has a process to hear.
    os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
    folder = RayFolder(say)
    ends.callback(folder.remove)
    # "local", since Ray would else join what a file in /tmp, open to all, says is running.
    return {"address": "local", "include_dashboard": False, "_temp_dir": str(folder.path)}


def _joined(address: str, say: Callable[[str], None]) -> dict[str, Any]:
    mode = os.environ.get("RAY_AUTH_MODE") or "unset"
    # Where nothing is said, Ray itself goes by a token that it finds.
    if mode.lower() != "token" and not (mode == "unset" and _has_token()):
        say(f"RAY_AUTH_MODE is {mode}: this Ray asks for no token, and whoever reaches it runs code there")
    return {"address": address}


def _has_token() -> bool:
    from ray._raylet import AuthenticationTokenLoader

    loader = AuthenticationTokenLoader.instance()
    loader.reset_cache()
    try:
        return bool(loader.has_token(ignore_auth_mode=True))
    except Exception:  # noqa: BLE001 - a path that leads nowhere: Ray says so as it joins
        return True


def _once_more(options: dict[str, Any], done: str) -> bool:
    try:
        return _init(options)
    except Exception as error:
        raise UserError(f"Ray could not be {done}: {_line(error)}") from error


def _init(options: dict[str, Any]) -> bool:
    import ray

    context = ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **options)
    return bool(context.dashboard_url)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
