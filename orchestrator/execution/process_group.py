"""The process group of a lane's workers."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import suppress
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError
from ray.train.backend import Backend, BackendConfig

from methods.common.importing import importing

from .session_place import session_place
from .train_private import join_process_group, leave_process_group

if TYPE_CHECKING:
    from torch.distributed import TCPStore

_PARTING = 30  # seconds that workers may take to leave their group
_LOOPBACK = "127.0.0.1"

_held: list[TCPStore | TemporaryDirectory[str]] = []
"""The file or store by which the group meets. The first worker keeps it while the group is up."""


class LaneGroup(BackendConfig):
    """Ray Train's process group for torch (``backend``: ``gloo`` or ``nccl``), with two differences.

    It listens only where its own workers connect from. torch's store would listen on all addresses of the
    machine and trust every caller. Workers of one machine meet in a file of their user's, or on loopback
    where no folder has locks, and their collectives listen on loopback. Workers of several machines meet at a
    store that listens on the first worker's address in the cluster, and each worker's collectives listen on
    its own address. torch cannot ask callers there for a token.

    Only the workers import torch. Train's controller, a process of each lane that starts before its workers,
    would have no other use for it.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend

    @property
    def backend_cls(self) -> type[_Backend]:
        return _Backend


class _Backend(Backend):
    share_cuda_visible_devices = True

    def on_start(self, worker_group: Any, backend_config: LaneGroup) -> None:
        places = worker_group.execute(_place)
        together = len({node for node, _ in places}) == 1
        meeting = worker_group.execute_single(0, _file) if together else None
        if meeting is None:
            meeting = worker_group.execute_single(0, _listen, _LOOPBACK if together else places[0][1])
        worker_group.execute(_prepare, together)
        ranks = range(len(worker_group))
        # NCCL would only report that there is no GPU, and Train would begin again forever. Over gloo the
        # workers come up and say which GPU does not answer, and why.
        gloo = backend_config.backend == "nccl" and not all(worker_group.execute(_has_gpu))
        how = "gloo" if gloo else backend_config.backend, len(ranks), meeting
        ray.get([worker_group.execute_single_async(rank, _join, rank, *how) for rank in ranks])

    def on_shutdown(self, worker_group: Any, backend_config: LaneGroup) -> None:
        try:
            ray.get(worker_group.execute_async(_leave, len(worker_group) > 1), timeout=_PARTING)
        except GetTimeoutError:
            return  # their processes end with the group


def _place() -> tuple[str, str]:
    """This worker's node, and its address in the cluster."""
    return ray.get_runtime_context().get_node_id(), ray.util.get_node_ip_address()


def _file() -> str | None:
    """A file to meet in, in a folder that nobody else may enter. None where no folder here has the locks that
    torch's store needs. A file below Ray's own folder is removed with that folder where this process is
    killed.
    """
    for base in filter(None, (session_place(), gettempdir(), "/dev/shm")):
        with suppress(OSError):
            folder = TemporaryDirectory(prefix="vlcl-", dir=base)
            # torch takes what follows these characters for something else than the path, however it is
            # written.
            if not {"#", "?"} & set(folder.name) and _has_locks(folder.name):
                _held[:] = [folder]
                return f"file://{folder.name}/store"
            folder.cleanup()
    return None


def _has_locks(folder: str) -> bool:
    with open(os.path.join(folder, "lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def _listen(address: str) -> str:
    from torch.distributed import TCPStore

    six = ":" in address
    listening = socket.create_server((address, 0), family=socket.AF_INET6 if six else socket.AF_INET)
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
    return f"tcp://[{address}]:{port}" if six else f"tcp://{address}:{port}"


def _prepare(together: bool) -> None:
    with importing():
        from ..numerics.deterministic import ALLOWED, WORKSPACE

    # Only the user may change what a lane writes, just like what the driver writes: a resumed run trusts
    # both.
    os.umask(os.umask(0o022) | 0o022)
    # This is set before anything wakes CUDA, since any of the lane's trials may ask for deterministic
    # algorithms.
    os.environ.setdefault(WORKSPACE, ALLOWED[0])
    # By default collectives listen on the address of the host's name or of the first network card.
    name = _interface(_LOOPBACK if together else ray.util.get_node_ip_address())
    for key, card in {"GLOO_SOCKET_IFNAME": name, "NCCL_SOCKET_IFNAME": f"={name}"}.items():
        # The "=" excludes other names that begin so. A card that the user named is for several machines, and
        # this one may not have it.
        if name is not None and (together or key not in os.environ):
            os.environ[key] = card


def _interface(address: str) -> str | None:
    """The network interface that has an address; None where no interface here has it."""
    import psutil

    for name, addresses in psutil.net_if_addrs().items():
        if any(found.address.partition("%")[0] == address for found in addresses):
            return name
    return None


def _has_gpu() -> bool:
    from ..errors import UserError
    from .worker_device import worker_device

    try:
        worker_device("cuda", ray.get_gpu_ids())
    except UserError:
        return False
    return True


def _join(rank: int, backend: str, size: int, meeting: str) -> None:
    join_process_group(backend, rank, size, meeting)


def _leave(several: bool) -> None:
    leave_process_group(destroy=several)
    for kept in _held:
        if isinstance(kept, TemporaryDirectory):
            kept.cleanup()
