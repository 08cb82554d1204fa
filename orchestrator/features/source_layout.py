"""Computes a hash of the order in which a stream has its records."""

from __future__ import annotations

import hashlib

import numpy as np

from ..streams.source import StreamSource


def source_layout(source: StreamSource) -> str:
    """The sha256 over the order of tasks, splits and records, and over their labels and numbers."""
    digest = hashlib.sha256()
    for task in source.tasks:
        for name, split in task.splits.items():
            digest.update(repr((task.name, name, len(split.label))).encode())
            digest.update(np.asarray(split.label, np.int32).tobytes())
            digest.update("\0".join(map(str, split.ids)).encode())
            if split.number is not None:
                digest.update(np.asarray(split.number, np.int64).tobytes())
    return digest.hexdigest()
