"""Arrays that all processes of a sweep read in place."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import ray
from ray.exceptions import ObjectLostError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..errors import UserError
from ..storage.array_file import ArrayFile, writing
from .array_owner import ArrayOwner

_NAMESPACE = "vlcl-replay"
_TRIES = 5

_NAME_FREE = 30.0  # seconds until an owner's name must be free after its process was ended

_owners: dict[str, ray.actor.ActorHandle] = {}
"""The owners that this process started, by name. Ray would end an owner without a handle."""

_views: dict[tuple[str, str], np.ndarray] = {}
"""The arrays that this process has mapped, by the owner's and the array's name. A lane maps an array once,
however many trials it runs.
"""


def store_bytes() -> int:
    """Returns the bytes of the smallest node's object store. Ray must be initialised."""
    return min(int(node["Resources"].get("object_store_memory", 0)) for node in ray.nodes() if node["Alive"])


@dataclass(frozen=True)
class SharedStore:
    """The client of a sweep's :class:`~orchestrator.object_store.array_owner.ArrayOwner`.

    It is small to pickle: it travels, the arrays do not. A name is written once: a process that has read it
    keeps what it read. Names are file names without ``/``.

    Attributes:
        folder: The folder of the arrays' files. A process that writes is on the owner's node, or shares the
            folder.
        owner: The owner's name, which on a cluster no other run may have.
    """

    folder: str
    owner: str

    @classmethod
    def start(cls, folder: Path, owner: str) -> SharedStore:
        """Starts an owner on this node. It lives as long as this process, and replaces a leftover owner of
        the same name. Ray must be initialised.

        Args:
            folder: The folder of the arrays' files.
            owner: The owner's name.
        """
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        store = cls(str(folder), owner)
        store._end()
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        deadline = time.monotonic() + _NAME_FREE
        while True:
            try:
                options = {"name": owner, "namespace": _NAMESPACE, "scheduling_strategy": here}
                _owners[owner] = ArrayOwner.options(**options).remote(store.folder)
                return store
            except ValueError:  # the leftover owner has not ended yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @contextmanager
    def writing(self, name: str, shape: tuple[int, ...], dtype: np.dtype | type) -> Iterator[ArrayFile]:
        """Fills an array in place, piece by piece. It is shared at the end of the block.

        Args:
            name: The array's name.
            shape: Its shape.
            dtype: Its type.

        Raises:
            UserError: The disk cannot hold the array.
        """
        with writing(self._path(name), shape, dtype) as file:
            yield file
        _views.pop((self.owner, name), None)
        ray.get(self._actor().put.remote(name))

    def put(self, name: str, array: np.ndarray) -> None:
        """Shares a copy of ``array`` under ``name``."""
        with self.writing(name, array.shape, array.dtype) as file:
            file.array[:] = array

    def adopt(self, name: str, path: Path) -> None:
        """Shares the array of a .npy file that stays where it is, under another name of the same file.

        A process that replaces the file later puts a new one in its place, and leaves this one as it is.

        Args:
            name: The array's name.
            path: The file.
        """
        link = self._path(name)
        link.unlink(missing_ok=True)
        try:
            os.link(path, link)
        except OSError:  # on another disk, or one that has no hard links
            link.symlink_to(path.resolve())
        _views.pop((self.owner, name), None)
        ray.get(self._actor().put.remote(name))

    def get(self, name: str) -> np.ndarray:
        """Returns a read-only view of shared memory, without a copy; see :meth:`get_many`."""
        return self.get_many([name])[0]

    def get_many(self, names: Sequence[str]) -> list[np.ndarray]:
        """Returns read-only views of shared memory. An array that was lost with a node or with the owner is
        loaded from its file again.

        Args:
            names: The arrays' names.

        Raises:
            UserError: An array's file is gone too.
        """
        missing = [name for name in names if (self.owner, name) not in _views]
        if missing:
            for name, ref in zip(missing, self._refs(missing, []), strict=True):
                _views[self.owner, name] = self._map(name, ref)
        return [_views[self.owner, name] for name in names]

    @property
    def nbytes(self) -> int:
        """The bytes of all arrays written so far."""
        return sum(path.stat().st_size for path in Path(self.folder).glob("*.npy"))

    def forget(self) -> None:
        """Drops this process' mappings. The store's memory is free once no process has a view."""
        for view in [view for view in _views if view[0] == self.owner]:
            del _views[view]

    def close(self, *, delete: bool) -> None:
        """Ends the owner, which frees the arrays. Live views stay good.

        Args:
            delete: Whether the arrays' files are removed too.
        """
        self.forget()
        self._end()
        if delete:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        _owners.pop(self.owner, None)
        with suppress(ValueError):
            ray.kill(self._actor(), no_restart=True)

    def _map(self, name: str, ref: ray.ObjectRef) -> np.ndarray:
        for _ in range(_TRIES):
            try:
                return ray.get(ref)
            except ObjectLostError:
                (ref,) = self._refs([name], [ref.hex()])
        return ray.get(ref)

    def _refs(self, names: list[str], lost: list[str]) -> list[ray.ObjectRef]:
        try:
            return ray.get(self._actor().refs.remote(names, lost))
        except FileNotFoundError:
            raise UserError(
                f"shared arrays are gone: a file of {', '.join(names)} was removed from {self.folder}"
            ) from None

    def _actor(self) -> ray.actor.ActorHandle:
        return ray.get_actor(self.owner, _NAMESPACE)

    def _path(self, name: str) -> Path:
        return Path(self.folder, f"{name}.npy")
