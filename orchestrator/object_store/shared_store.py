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

_NAME_FREE = 30.0  # seconds that a hub's name may take to be free after its process was ended

_hubs: dict[str, ray.actor.ActorHandle] = {}
"""The hubs that this process started, by name: one without a handle would be ended."""

_views: dict[tuple[str, str], np.ndarray] = {}
"""What this process has mapped, by (hub, key): a lane maps an array once, whatever the number of its
trials.
"""


def capacity() -> int:
    """Bytes of the smallest node's object store. Ray must be initialised."""
    return min(int(node["Resources"].get("object_store_memory", 0)) for node in ray.nodes() if node["Alive"])


@dataclass(frozen=True)
class SharedStore:
    """Client of a sweep's :class:`~orchestrator.object_store.array_owner.ArrayOwner`. Small to pickle: it
    travels, the arrays do not.

    ``folder`` holds the arrays' twins on disk; whoever writes shares the hub's node, or the folder. ``hub``:
    the hub's name, which on a cluster no other run may have. A key is written once: a process that has read
    it keeps what it read. Keys are file names without ``/``.
    """

    folder: str
    hub: str

    @classmethod
    def start(cls, folder: Path, owner: str) -> SharedStore:
        """Starts the hub ``owner`` on this node, in the place of one of that name that is left. It lives as
        long as this process. Ray must be initialised.
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
                _hubs[owner] = ArrayOwner.options(**options).remote(store.folder)
                return store
            except ValueError:  # the one that was left has not gone yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @contextmanager
    def writing(self, key: str, shape: tuple[int, ...], dtype: np.dtype | type) -> Iterator[ArrayFile]:
        """Fills an array in place, piece by piece; at the end of the block it is shared.

        Raises UserError when the disk cannot hold it.
        """
        with writing(self._path(key), shape, dtype) as twin:
            yield twin
        _views.pop((self.hub, key), None)
        ray.get(self._actor().put.remote(key))

    def put(self, key: str, array: np.ndarray) -> None:
        """Shares a copy of ``array``."""
        with self.writing(key, array.shape, array.dtype) as twin:
            twin.array[:] = array

    def adopt(self, key: str, path: Path) -> None:
        """Shares the array of a .npy file that stays where it is: its twin is another name of the same file.

        Whoever replaces the file later puts a new one in its place, and leaves this one as it is.
        """
        twin = self._path(key)
        twin.unlink(missing_ok=True)
        try:
            os.link(path, twin)
        except OSError:  # on another disk, or one that has no hard links
            twin.symlink_to(path.resolve())
        _views.pop((self.hub, key), None)
        ray.get(self._actor().put.remote(key))

    def get(self, key: str) -> np.ndarray:
        """A read-only view of shared memory, no copy; see :meth:`get_many`."""
        return self.get_many([key])[0]

    def get_many(self, keys: Sequence[str]) -> list[np.ndarray]:
        """Read-only views of shared memory. What was lost with a node or with the hub is loaded from its
        twin again.

        Raises UserError when that is gone too.
        """
        missing = [key for key in keys if (self.hub, key) not in _views]
        if missing:
            for key, ref in zip(missing, self._refs(missing, []), strict=True):
                _views[self.hub, key] = self._map(key, ref)
        return [_views[self.hub, key] for key in keys]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays written so far."""
        return sum(path.stat().st_size for path in Path(self.folder).glob("*.npy"))

    def close(self, *, delete: bool) -> None:
        """Ends the hub, and with it frees the arrays; ``delete`` removes their twins too. Live views
        stay good.
        """
        for name in [name for name in _views if name[0] == self.hub]:
            del _views[name]
        self._end()
        if delete:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self) -> None:
        _hubs.pop(self.hub, None)
        with suppress(ValueError):
            ray.kill(self._actor(), no_restart=True)

    def _map(self, key: str, ref: ray.ObjectRef) -> np.ndarray:
        for _ in range(_TRIES):
            try:
                return ray.get(ref)
            except ObjectLostError:
                (ref,) = self._refs([key], [ref.hex()])
        return ray.get(ref)

    def _refs(self, keys: list[str], lost: list[str]) -> list[ray.ObjectRef]:
        try:
            return ray.get(self._actor().refs.remote(keys, lost))
        except FileNotFoundError:
            raise UserError(
                f"shared arrays are gone: a file of {', '.join(keys)} was removed from {self.folder}"
            ) from None

    def _actor(self) -> ray.actor.ActorHandle:
        return ray.get_actor(self.hub, _NAMESPACE)

    def _path(self, key: str) -> Path:
        return Path(self.folder, f"{key}.npy")
