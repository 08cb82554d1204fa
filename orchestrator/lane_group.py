"""The process group of a lane's workers."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError
from ray.train.backend import Backend, BackendConfig

if TYPE_CHECKING:
    from torch.distributed import TCPStore

_PARTING = 30  # seconds that workers may take to leave their group

_held: list[TCPStore] = []
"""What the first worker keeps until its process group has found it."""


class LaneGroup(BackendConfig):
    """Ray Train's process group for torch (``backend``: ``gloo`` or ``nccl``), with two differences.

    It listens on loopback alone where Ray does: where a session has a Ray of its own. The store by which
    torch's workers meet would listen on all of the machine's addresses, and believe whoever asks. And torch
    is imported by the workers alone: Train's controller, a process of each lane that starts before its
    workers, has no other use for it.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend

    @property
    def backend_cls(self) -> type[_Backend]:
        return _Backend


class _Backend(Backend):
    share_cuda_visible_devices = True

    def on_start(self, worker_group: Any, backend_config: LaneGroup) -> None:
        address = worker_group.execute_single(0, ray.util.get_node_ip_address)
        alone = ipaddress.ip_address(address).is_loopback
        port = worker_group.execute_single(0, _listen if alone else _free_port, address)
        worker_group.execute(_meet_at, address, port, alone)
        ranks = range(len(worker_group))
        # NCCL would only say that there is no GPU, and Train begin again for ever: over gloo the workers come
        # up and say which GPU does not answer, and why.
        gloo = backend_config.backend == "nccl" and not all(worker_group.execute(_has_gpu))
        how = "gloo" if gloo else backend_config.backend, len(ranks)
        ray.get([worker_group.execute_single_async(rank, _join, rank, *how) for rank in ranks])

    def on_shutdown(self, worker_group: Any, backend_config: LaneGroup) -> None:
        try:
            ray.get(worker_group.execute_async(_leave, len(worker_group) > 1), timeout=_PARTING)
        except GetTimeoutError:
            return  # their processes end with the group


def _bound(address: str) -> socket.socket:
    return socket.create_server((address, 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


def _free_port(address: str) -> int:
    with _bound(address) as found:
        return found.getsockname()[1]


def _listen(address: str) -> int:
    from torch.distributed import TCPStore

    listening = _bound(address)
    port = listening.getsockname()[1]
    # torch takes the store that its process has at this port before it opens one of its own.
    _held[:] = [
        TCPStore(
            address,
            port,
            is_master=True,
            wait_for_workers=False,
            multi_tenant=True,
            master_listen_fd=listening.detach(),
        )
    ]
    return port


def _meet_at(address: str, port: int, alone: bool) -> None:
    from .deterministic import ALLOWED, WORKSPACE

    os.environ |= {"MASTER_ADDR": address, "MASTER_PORT": str(port)}
    # Before anything wakes CUDA: any of the lane's trials may ask for deterministic algorithms.
    os.environ.setdefault(WORKSPACE, ALLOWED[0])
    if alone:
        # Left to themselves, these listen where the host's name or the first network card leads.
        for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(variable, "lo")


def _has_gpu() -> bool:
    from .errors import UserError
    from .worker_device import worker_device

    try:
        worker_device("cuda", ray.get_gpu_ids())
    except UserError:
        return False
    return True


def _join(rank: int, backend: str, size: int) -> None:
    from ray.train.torch.config import _set_torch_distributed_env_vars, _setup_torch_process_group

    _set_torch_distributed_env_vars()
    _setup_torch_process_group(backend, rank, size, "env://")


def _leave(several: bool) -> None:
    from ray.train.torch.config import _shutdown_torch

    _shutdown_torch(destroy_process_group=several)
