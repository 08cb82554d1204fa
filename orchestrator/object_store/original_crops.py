"""Finds streams whose crops are cut out of pictures in their original size."""

from __future__ import annotations

from ..errors import UserError
from ..streams.augment import crops_original
from ..streams.source import StreamSource
from ..streams.stream import Stream


def reads_originals(stream: Stream | StreamSource, largest: int, stream_in: str, store: str) -> bool:
    """Returns whether training reads each picture in its original size at each step.

    An array cannot hold pictures of several sizes. Therefore such pictures are read from their files, or from
    the files' bytes where they may be replayed.

    Args:
        stream: The stream, or what its reader found.
        largest: The largest ``replay.size`` of the search.
        stream_in: As of :func:`~.memory_plan.memory_plan`.
        store: As of :func:`~.memory_plan.memory_plan`.

    Raises:
        UserError: Training reads originals, although pictures are asked for in memory or replayed ones
            decoded.
    """
    if not crops_original(stream.augment):
        return False
    said = f"stream {stream.name} crops pictures in their original size (stream.crop=original)"
    if stream_in == "memory":
        raise UserError(f"run.stream_in=memory: {said}, which are read from files; allowed: auto, disk")
    if store == "decoded" and largest:
        raise UserError(f"replay.store=decoded: {said}, which no array holds; allowed: encoded")
    return True
