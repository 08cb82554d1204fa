"""The owner of the arrays that all trials share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import ray


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)
class ArrayOwner:
    """Puts arrays into Ray's object store and owns them.

    An object dies with the process that put it. Therefore a named actor does every put. It outlives trials
    and workers. It ends with the driver, whose lanes alone read the arrays, so that a driver that dies leaves
    nothing in a cluster's store. The actor puts an array from its file on disk, ``folder/KEY.npy``. For that
    reason no array travels through a call, and the actor can put again what was lost with a node or with its
    own process.

    Args:
        folder: The folder of the arrays' files.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._refs: dict[str, ray.ObjectRef] = {}

    def put(self, name: str) -> None:
        """Puts the present content of an array's file."""
        # np.asarray, since pickle would copy a memmap, which is a subclass, into its stream.
        array = np.asarray(np.load(self._folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
        self._refs[name] = ray.put(array)

    def refs(self, names: list[str], lost: list[str]) -> list[ray.ObjectRef]:
        """Returns the arrays' references in the order of ``names``. They come in a list, since a bare one
        would be resolved on its way.

        Args:
            names: The arrays' names.
            lost: Hexadecimal ids of objects that the caller could not get. These are put again, once, however
                many callers ask.
        """
        for name in names:
            if name not in self._refs or self._refs[name].hex() in lost:
                self.put(name)
        return [self._refs[name] for name in names]
