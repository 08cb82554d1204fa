"""Objects that travel to many processes while what is large in them lies in shared memory."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from .shared_store import SharedStore

_LARGE = 2**20


@dataclass(frozen=True)
class SharedPickle:
    """A pickled object whose large buffers are arrays of ``store``, under ``keys``."""

    pickled: bytes
    store: SharedStore
    keys: tuple[str, ...]

    def open(self) -> Any:
        """The object; its large arrays are read-only views of shared memory."""
        return pickle.loads(self.pickled, buffers=self.store.get_many(list(self.keys)))


def pack(thing: Any, store: SharedStore, name: str) -> SharedPickle:
    """Puts the buffers of ``thing`` (arrays; names of a million files) of a megabyte and more into ``store``,
    once, under keys that begin with ``name``.
    """
    buffers: list[pickle.PickleBuffer] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < _LARGE
        if not small:
            buffers.append(buffer)
        return small

    pickled = pickle.dumps(thing, protocol=5, buffer_callback=keep_inside)
    keys = tuple(f"{name}.{i}" for i in range(len(buffers)))
    for key, buffer in zip(keys, buffers, strict=True):
        store.put(key, np.frombuffer(buffer.raw(), np.uint8))
    return SharedPickle(pickled, store, keys)
