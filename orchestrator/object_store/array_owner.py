"""The owner of what all trials share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import ray


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class ArrayOwner:
    """Puts arrays into Ray's object store and owns them.

    An object dies with the process that put it, so a named actor does every put: it outlives trials and
    workers, and goes with the driver, whose lanes alone read it: a driver that dies leaves nothing in a
    cluster's store. It puts from an array's twin on disk, ``folder/KEY.npy``, so that no array travels
    through a call, and so that it can put again what was lost with a node or with its own process.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._refs: dict[str, ray.ObjectRef] = {}

    def put(self, key: str) -> None:
        """Puts the twin's present content."""
        # np.asarray: pickle would copy a memmap, being a subclass, into its stream.
        twin = np.asarray(np.load(self._folder / f"{key}.npy", mmap_mode="r", allow_pickle=False))
        self._refs[key] = ray.put(twin)

    def refs(self, keys: list[str], lost: list[str]) -> list[ray.ObjectRef]:
        """References in the order of ``keys``; in a list, since a bare one would be resolved on its way.

        ``lost``: hexadecimal ids of objects that the caller could not get. They are put again, once,
        whoever else asks.
        """
        for key in keys:
            if key not in self._refs or self._refs[key].hex() in lost:
                self.put(key)
        return [self._refs[key] for key in keys]
