"""Ray as a session needs it, joined or started."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar

from ..errors import UserError
from ..machine.cpus import usable_cpus
from .coming_up import while_it_lives
from .imported_meanwhile import imported_meanwhile
from .ray_address import ray_address
from .ray_environment import ray_environment
from .ray_folder import RayFolder
from .ray_private import (
    has_token,
    import_what_init_imports,
    listen_on_loopback,
    never_connect_again,
    print_no_errors_of_workers,
    read_token_anew,
    start_no_needless_processes,
    start_processes_by,
    watch_for_node,
)
from .ray_token import RayToken

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Left out of a folder of code that is sent, as .gitignore writes it. ".*" would match the folder itself,
# which Ray calls ".".
_LEFT_OUT = [".?*", "__pycache__"]
_WATCHER = "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"
_LONG = 400  # characters of Ray's message that are shown


class StartedRay:
    """A Ray that a session uses.

    Attributes:
        dashboard: Whether its dashboard runs.
        alone: Whether it is the session's own, which has this machine alone.
    """

    def __init__(self, dashboard: bool, alone: bool, ends: ExitStack) -> None:
        self.dashboard = dashboard
        self.alone = alone
        self._ends = ends
        # This runs before Ray's own handler, which makes the folder anew as it ends, for what Ray may have
        # moved to disk.
        atexit.register(self.end)

    def end(self) -> None:
        """Leaves the Ray; or, where it is the session's own, ends it with its folder and its token."""
        atexit.unregister(self.end)
        self._ends.close()


def start_ray(
    say: Callable[[str], None], modules: Sequence[str] = (), meanwhile: Sequence[str] = ()
) -> StartedRay:
    """Joins the Ray at ``RAY_ADDRESS``, or starts one of this process' own.

    A Ray of its own listens on loopback alone, asks for a token that is in no file, and keeps its files where
    nobody else can look.

    Args:
        say: Prints progress.
        modules: Files and folders of code that a Ray which is joined gives all its workers.
        meanwhile: Modules that are imported while Ray comes up, as far as it does at once.

    Raises:
        UserError: The process has a Ray already; Ray could not be joined or started, or must not be
            (:func:`~orchestrator.execution.ray_address.ray_address`,
            :class:`~orchestrator.execution.ray_folder.RayFolder`).
    """
    import ray

    if ray.is_initialized():
        raise UserError(
            "this process has a Ray already, of ray.init or of a run that an error ended; "
            "allowed: none, after ray.shutdown() or in a new process"
        )
    address = ray_address(check=True)
    say("starting Ray" if address is None else f"joining Ray at {address}")
    ray_environment(say)
    # Lanes and their helpers are more processes than cores, on purpose. Otherwise Ray warns of it.
    os.environ.setdefault("RAY_worker_maximum_startup_concurrency", "16")
    with ExitStack() as ends:
        options = _own(say, ends) if address is None else _joined(address, say, modules)
        # Otherwise a thread or process that asks Ray something after it was told to end would start a
        # cluster, or join any that it finds.
        never_connect_again()
        ends.callback(ray.shutdown)
        try:
            import_what_init_imports()
            dashboard = _up(options, say, meanwhile)
        except Exception as error:
            done = "started" if address is None else "joined"
            late = address is None and _is_late(error)
            line = _line(error)
            if late:
                line = f"{line.rstrip('.')}; try again when this machine is less busy"
            raise UserError(f"Ray could not be {done}: {line}") from error
        return StartedRay(dashboard, address is None, ends.pop_all())


def _up(options: dict[str, Any], say: Callable[[str], None], meanwhile: Sequence[str]) -> bool:
    try:
        with imported_meanwhile(meanwhile):
            return _init(options)
    except Exception as error:
        # Ray's processes wait only seconds for each other to come up, then end. A busy machine may need
        # longer.
        if "num_cpus" not in options or not (_is_late(error) or isinstance(error, ChildProcessError)):
            raise
        say(f"Ray did not come up, trying once more: {_line(error)}")
    import ray

    ray.shutdown()
    _Apart.started.clear()  # the first Ray's processes, which have died, say nothing of the second one
    # Nothing is imported beside the second try: it would take its processes' time.
    return _init(options)


def _own(say: Callable[[str], None], ends: ExitStack) -> dict[str, Any]:
    """The options of ``ray.init`` for a Ray of this process' own. ``ends`` gets what is undone at its end."""
    ends.callback(RayToken(say).forget)
    # This is Ray's own switch for a single machine, which it turns on macOS alone: nothing listens beyond
    # loopback.
    ends.callback(listen_on_loopback())
    start_processes_by(_Apart)
    _Apart.started.clear()
    ends.callback(start_no_needless_processes())
    ends.callback(watch_for_node(lambda look: while_it_lives(look, _Apart.started)))
    # A single machine is not taken away with a warning either, for which Train has a process. What the user
    # set is left as it is.
    if _WATCHER not in os.environ:
        os.environ[_WATCHER] = "0"
        ends.callback(os.environ.pop, _WATCHER, None)
    folder = RayFolder(say)
    ends.callback(folder.remove)
    # The address is "local", since Ray would otherwise join whatever a file in /tmp, open to all, says is
    # running.
    return {
        "address": "local",
        "num_cpus": usable_cpus(),
        "include_dashboard": False,
        "_temp_dir": str(folder.path),
    }


def _joined(address: str, say: Callable[[str], None], modules: Sequence[str]) -> dict[str, Any]:
    read_token_anew()  # another Ray of this process may have had another one, or none
    mode = os.environ.get("RAY_AUTH_MODE") or "unset"
    # Where nothing is set, Ray itself uses a token that it finds.
    if mode.lower() != "token" and not (mode == "unset" and _has_token()):
        say(f"RAY_AUTH_MODE is {mode}: this Ray asks for no token, and whoever reaches it runs code there")
    if not modules:
        return {"address": address}
    say(f"sending {', '.join(modules)} to the cluster's machines")
    return {"address": address, "runtime_env": {"py_modules": list(modules), "excludes": _LEFT_OUT}}


def _has_token() -> bool:
    try:
        return has_token()
    except Exception:  # noqa: BLE001 - a path that leads nowhere, which Ray reports as it joins
        return True


def _init(options: dict[str, Any]) -> bool:
    import ray

    # Ray prints raw lines of its log, of every worker that dies, into the sweep's own output.
    print_no_errors_of_workers()
    main = threading.current_thread() is threading.main_thread()
    kept = {number: signal.getsignal(number) for number in _ENDS} if main else {}
    try:
        # An error that keeps Ray from coming up is raised as well. Ray's own lines would repeat it less
        # clearly.
        context = ray.init(
            log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=True, **options
        )
    except SystemExit as error:  # while Ray starts, it turns SIGTERM into this
        for number, handler in kept.items():
            signal.signal(number, handler)
        if callable(kept.get(signal.SIGTERM)):
            signal.raise_signal(signal.SIGTERM)  # for the handler that it was meant for
        raise KeyboardInterrupt from error
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    return bool(context.dashboard_url)


class _Apart(subprocess.Popen):
    """A process of Ray's in a process group of its own. A signal of a terminal or of ``timeout`` to the whole
    group of the command then reaches the driver alone, which ends when the task under way is finished.
    """

    started: ClassVar[list[subprocess.Popen]] = []
    """The processes of the Ray that was started last."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options, process_group=0)
        self.started.append(self)


def _is_late(error: Exception) -> bool:
    """Whether one of Ray's processes did not come up in the seconds that Ray gives it."""
    return "timed out" in _line(error).lower()


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONG] or type(error).__name__
