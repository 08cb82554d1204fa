"""What a stream's content and order come down to."""

from __future__ import annotations

import hashlib

import numpy as np

from .source import StreamSource


def stream_identity(source: StreamSource) -> str:
    """sha256 of a stream's fingerprint and of the order of its records."""
    found = hashlib.sha256(repr((source.name, source.fingerprint, sorted(source.skipped.items()))).encode())
    for task in source.tasks:
        for name, split in task.splits.items():
            found.update(repr((task.name, name, len(split.label))).encode())
            found.update(np.asarray(split.label, np.int32).tobytes())
            found.update("\0".join(map(str, split.ids)).encode())
    return found.hexdigest()
