"""The parts of Ray Train and Ray Tune that the project uses and Ray does not promise to keep.

What :mod:`~orchestrator.execution.ray_private` is for Ray itself. Ray is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any


def join_process_group(backend: str, rank: int, size: int, meeting: str) -> None:
    """Makes this worker of Ray Train a member of torch's process group.

    Args:
        backend: ``gloo`` or ``nccl``.
        rank: This worker's number, from 0.
        size: How many workers the group has.
        meeting: The URL at which the group meets: ``file://`` or ``tcp://``.
    """
    from ray.train.torch.config import _set_torch_distributed_env_vars, _setup_torch_process_group

    _set_torch_distributed_env_vars()
    _setup_torch_process_group(backend, rank, size, meeting)


def leave_process_group(*, destroy: bool) -> None:
    """Undoes :func:`join_process_group`. With ``destroy`` torch's group is ended as well."""
    from ray.train.torch.config import _shutdown_torch

    _shutdown_torch(destroy_process_group=destroy)


def spare_actors(controller: Mapping[str, Any], alone: bool) -> None:
    """Keeps Train's controller from starting actors that a lane does not need. Each of them is a process that
    takes seconds to import Ray Train or Ray Data.

    Args:
        controller: The arguments with which the controller will be made. They are changed.
        alone: Whether Ray has this machine alone, so that no other machine has to be asked for.
    """
    policy = controller.get("scaling_policy")
    if policy is None:  # another version of Train, which is left as it is
        return
    # The controller calls it, in its own process, before it starts workers.
    policy.before_controller_execute_resize_decision = _spare_barrier
    if alone:
        policy.after_controller_start = _nothing
        policy._maybe_send_resource_request = _nothing
        policy._cancel_resource_request = _nothing


def _spare_barrier(_: Any) -> None:
    """Starts no actor for the barrier of Train's own reports: a lane's workers report to the dispatcher."""
    try:
        from ray.train.v2._internal.execution.worker_group import state, worker_group
    except ImportError:  # another version of Train, which keeps its barrier
        return
    if hasattr(worker_group, "SynchronizationActor") and hasattr(state, "_shutdown_sync_actor"):
        worker_group.SynchronizationActor = _NoBarrier
        state._shutdown_sync_actor = _nothing


class _NoBarrier:
    """Stands in for the actor. It answers every call as if the call had been heard."""

    @classmethod
    def options(cls, **_: Any) -> type[_NoBarrier]:
        return cls

    @classmethod
    def remote(cls, **_: Any) -> _NoBarrier:
        return cls()

    def __getattr__(self, name: str) -> Any:
        if name not in ("set_required_ranks", "reset"):  # of Train's controller, where a machine goes away
            raise AttributeError(name)
        import ray

        return SimpleNamespace(remote=lambda *_: ray.put(True))


def count_no_callbacks() -> None:
    """Keeps Tune from counting, for Ray's statistics of use, which of its own callbacks a run has. To know
    them it imports what each of them reports to, MLflow among it.
    """
    try:
        from ray.air._internal import usage
    except ImportError:  # another version of Tune, which counts as it likes
        return
    usage.tag_callbacks = _nothing


def _nothing(*_: Any, **__: Any) -> None:
    """Takes the place of a call that is not needed."""


def keep_aws_keys() -> None:
    """Keeps Tune from handing the driver's AWS keys to trials' processes."""
    from ray.tune.execution import class_cache

    class_cache.ENV_VARS_TO_PROPAGATE -= {
        name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")
    }


def step_tune(controller: Any) -> None:
    """Lets the ``TuneController`` of a search do one step of its loop, unless the search has ended. The last
    call of a step is the callbacks' ``on_step_end``.
    """
    if not controller.is_finished():
        controller.step()
