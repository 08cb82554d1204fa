"""The process group of a lane's workers."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import (
    _set_torch_distributed_env_vars,
    _setup_torch_process_group,
    _TorchBackend,
)
from torch.distributed import TCPStore

_held: list[TCPStore] = []
"""What the first worker keeps until its process group has found it."""


class LaneGroup(TorchConfig):
    """Ray Train's process group, which listens on loopback alone where Ray does: where a session has a Ray of
    its own. The store by which torch's workers meet would listen on all of the machine's addresses, and
    believe whoever asks.
    """

    @property
    def backend_cls(self) -> type[_Backend]:
        return _Backend


class _Backend(_TorchBackend):
    def on_start(self, worker_group: Any, backend_config: TorchConfig) -> None:
        address = worker_group.execute_single(0, ray.util.get_node_ip_address)
        if not ipaddress.ip_address(address).is_loopback:
            super().on_start(worker_group, backend_config)
            return
        port = worker_group.execute_single(0, _listen, address)
        worker_group.execute(_meet_at, address, port)
        worker_group.execute(_set_torch_distributed_env_vars)
        ranks = range(len(worker_group))
        how = {
            "backend": backend_config.backend,
            "world_size": len(ranks),
            "init_method": "env://",
            "timeout_s": backend_config.timeout_s,
        }
        ray.get(
            [
                worker_group.execute_single_async(r, _setup_torch_process_group, world_rank=r, **how)
                for r in ranks
            ]
        )


def _listen(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.create_server((address, 0), family=family)
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


def _meet_at(address: str, port: int) -> None:
    os.environ |= {"MASTER_ADDR": address, "MASTER_PORT": str(port)}
    # Left to themselves, these listen where the host's name or the first network card leads.
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(variable, "lo")
