"""Objects that travel to many processes, while their large parts lie in shared memory."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from .shared_store import SharedStore

_LARGE = 2**20


@dataclass(frozen=True)
class SharedPickle:
    """A pickled object whose large buffers lie in a store.

    Attributes:
        pickled: The pickle without the large buffers.
        store: The store of the buffers.
        names: The buffers' names in the store.
    """

    pickled: bytes
    store: SharedStore
    names: tuple[str, ...]

    def open(self) -> Any:
        """Returns the object. Its large arrays are read-only views of shared memory."""
        return pickle.loads(self.pickled, buffers=self.store.get_many(list(self.names)))


def pack(thing: Any, store: SharedStore, prefix: str) -> SharedPickle:
    """Pickles an object, and puts its buffers of a megabyte and more (arrays; names of a million files) into
    a store, once.

    Args:
        thing: The object.
        store: The store of the buffers.
        prefix: What the buffers' names begin with.
    """
    buffers: list[pickle.PickleBuffer] = []

    def keep_inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < _LARGE
        if not small:
            buffers.append(buffer)
        return small

    pickled = pickle.dumps(thing, protocol=5, buffer_callback=keep_inside)
    names = tuple(f"{prefix}.{i}" for i in range(len(buffers)))
    for name, buffer in zip(names, buffers, strict=True):
        store.put(name, np.frombuffer(buffer.raw(), np.uint8))
    return SharedPickle(pickled, store, names)
