"""The parts of Ray that the project uses and Ray does not promise to keep: its private modules, and names
with a ``_``.

Nothing else of the project touches them (``tests/test_private_parts.py``, which also fails by the name of
whatever an update of Ray has taken away). Ray is imported inside the functions, so that importing this module
does not import Ray.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any


def refuse_uv_environment() -> None:
    """Turns off what packs the working folder under ``uv run``, where Ray has read the variable already."""
    if (constants := sys.modules.get("ray._private.ray_constants")) is not None:
        constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV = False


def never_connect_again() -> None:
    """Keeps later questions to Ray from starting or joining a cluster by themselves."""
    from ray._private import auto_init_hook

    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    auto_init_hook.enable_auto_connect = False


def listen_on_loopback() -> Callable[[], None]:
    """Sets Ray's own switch for a single machine, which Ray itself sets on macOS alone. Returns a function
    that undoes it: a cluster that is joined afterwards is of several.
    """
    from ray._private import ray_constants

    usual = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    return lambda: setattr(ray_constants, "ENABLE_RAY_CLUSTER", usual)


def start_processes_by(popen: type[subprocess.Popen[Any]]) -> None:
    """Makes Ray start its own processes by ``popen``."""
    from ray._private import services

    services.ConsolePopen = popen


def watch_for_node(around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[[], None]:
    """Wraps the call by which Ray waits for its own node in ``around``; returns a function that undoes it.

    The call that ``around`` is given answers at once, with a RuntimeError where the node is not there. Ray's
    own, which it is given where another version of Ray has no parts to do so, sleeps for whole seconds
    between two looks.
    """
    from ray._private import services, state

    look = services.get_node
    states: dict[str, Any] = {}

    def at_once(gcs_address: str, node_id: str) -> Any:
        if gcs_address not in states:  # each is a connection
            states[gcs_address] = state.GlobalState()
            states[gcs_address]._initialize_global_state(services._get_gcs_client_options(gcs_address))
        if all(node["NodeID"] != node_id for node in states[gcs_address].node_table()):
            raise RuntimeError(f"the node {node_id} is not there")
        return look(gcs_address, node_id)

    known = hasattr(services, "_get_gcs_client_options") and hasattr(state, "GlobalState")
    services.get_node = around(at_once if known else look)
    return lambda: setattr(services, "get_node", look)


def start_no_needless_processes() -> Callable[[], None]:
    """Keeps a Ray of this process' own from starting processes that it does not need: one that looks for more
    machines, one that follows the logs for a driver that shows none, and a dashboard without pages, which
    only counts what is used of Ray. This process does not import what the node's agent imports either, to
    see whether it is there: this project requires it (``ray[default]``). Returns a function that undoes it
    for the next Ray.
    """
    from ray._private import utils
    from ray._private.node import Node

    names = ("start_monitor", "start_log_monitor", "start_api_server")
    usual = {(Node, name): getattr(Node, name) for name in names if hasattr(Node, name)}  # else all start
    if hasattr(utils, "get_dashboard_dependency_error"):
        usual[utils, "get_dashboard_dependency_error"] = utils.get_dashboard_dependency_error

    def again() -> None:
        for (owner, name), usually in usual.items():
            setattr(owner, name, usually)

    for owner, name in usual:
        setattr(owner, name, _nothing)
    return again


def _nothing(*_: Any, **__: Any) -> None:
    """Takes the place of a call that is not needed."""


def print_no_errors_of_workers() -> None:
    """Keeps Ray from printing raw lines of its log into the driver's output when a worker dies."""
    from ray._private import worker

    worker.listen_error_messages = lambda *_: None


def this_node() -> Any:
    """What this process knows of the node it started or joined; None where it is in no session."""
    from ray._private import worker

    return worker._global_node


def read_token_anew() -> None:
    """Makes Ray read ``$RAY_AUTH_MODE`` and ``$RAY_AUTH_TOKEN`` as they are now."""
    from ray._raylet import AuthenticationTokenLoader, Config

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def has_token() -> bool:
    """Whether Ray finds a token, whatever ``$RAY_AUTH_MODE`` says."""
    from ray._raylet import AuthenticationTokenLoader

    loader = AuthenticationTokenLoader.instance()
    loader.reset_cache()
    return bool(loader.has_token(ignore_auth_mode=True))


def import_what_init_imports() -> None:
    """Imports what ``ray.init`` would, so that another thread may import something else meanwhile."""
    for module in (
        "ray._common.usage.usage_lib",
        "ray._private.runtime_env.uv_runtime_env_hook",
        "ray._private.thirdparty.pynvml",
    ):
        with suppress(ImportError):  # another version of Ray
            import_module(module)


def visible_gpus() -> int:
    """How many GPUs of this machine Ray would count."""
    from ray._private.accelerators import get_accelerator_manager_for_resource

    gpus = get_accelerator_manager_for_resource("GPU")
    visible = gpus.get_current_process_visible_accelerator_ids()
    count = int(gpus.get_current_node_num_accelerators())
    return count if visible is None else min(count, len(visible))


def free_resources() -> Mapping[str, Mapping[str, float]]:
    """Node id -> the free resources there. A node that has nothing free may be missing."""
    from ray._private.state import available_resources_per_node

    return available_resources_per_node()  # type: ignore[no-any-return]  # Ray's is without hints


def spilled_bytes(address: str, port: int) -> int:
    """The bytes that the node at ``address`` has moved from its object store to disk; 0 where the node has
    just gone.
    """
    import grpc
    from ray._private.internal_api import node_stats

    try:
        return int(node_stats(address, port, False).store_stats.spilled_bytes_total)
    except grpc.RpcError:
        return 0


def ended_for_memory(job: str) -> int:
    """How many workers of the job Ray has ended because their node's memory was full."""
    from ray._private.state import state
    from ray.core.generated import common_pb2, gcs_pb2

    table = state._connect_and_get_accessor().get_worker_table()
    workers = map(gcs_pb2.WorkerTableData.FromString, table)
    full = [w for w in workers if w.exit_type == common_pb2.WorkerExitType.NODE_OUT_OF_MEMORY]
    return sum(worker.job_id.hex() == job for worker in full)


def checked_cluster_file(values: dict[str, Any]) -> dict[str, Any]:
    """A file of the cluster launcher as Ray completes it. For a wrong file it raises what Ray raises."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config: dict[str, Any] = prepare_config(values)
    validate_config(config)
    return config
