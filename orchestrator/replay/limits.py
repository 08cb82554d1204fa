"""What will lie in the object store, reckoned before anything is put there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from methods.method import InputSpec

from ..errors import BadRecord, UserError
from ..streams.stream import Stream

StreamIn = Literal["auto", "memory", "disk"]

_SHARE = 0.8
"""Of the object store, what a sweep may fill: Ray's own objects and a second copy while one is put again
need room too.
"""

_SAMPLED = 16
"""Files a task whose sizes estimate those of all."""


def row_bytes(spec: InputSpec) -> int:
    """Bytes of one decoded sample: its picture, its tokens (int32) and its label (int32)."""
    return 3 * spec.image_size**2 + 4 * spec.max_tokens + 4


@dataclass(frozen=True)
class Plan:
    """Where a sweep's samples will lie.

    ``mode``: ``resident``, every picture decoded in the object store; or ``disk``, pictures read from their
    source, and in the store only what may be replayed. ``store``: how it lies there. ``candidates``: rows a
    task that may be replayed (the largest memory of the search), the first of the task's random order under
    ``seed``. The byte counts are what the store would hold: of ``all_bytes`` in mode ``resident``, of
    ``disk_bytes`` in mode ``disk``; ``room``: what it may hold, of ``store_bytes``.
    """

    mode: Literal["resident", "disk"]
    store: Literal["decoded", "encoded"]
    candidates: int
    seed: int
    all_bytes: int
    disk_bytes: int
    store_bytes: int
    asked: StreamIn

    @property
    def room(self) -> int:
        return int(self.store_bytes * _SHARE)

    def explain(self) -> str:
        """One or two lines for the user: what is done, why, and what to set for the other way."""
        usable = f"{_size(self.all_bytes)} decoded, {_size(self.room)} of the object store may be used"
        asked = f"run.stream_in is {self.asked}"
        if self.mode == "resident":
            why = "it fits" if self.asked == "auto" else asked
            return f"stream in memory: {usable}; {why} (run.stream_in=disk reads it from disk instead)"
        why = "it does not fit" if self.asked == "auto" else asked
        need = _size(int(self.all_bytes / _SHARE) + 1)
        kept = f"up to {self.candidates} samples a task for replay ({self.store})"
        return (
            f"stream read from disk: {usable}; {why} (run.stream_in=memory needs an object store of {need})\n"
            f"in memory: texts, and {kept}, {_size(self.disk_bytes)}"
        )


def plan(
    stream: Stream,
    *,
    largest: int,
    store_bytes: int,
    seed: int,
    stream_in: StreamIn = "auto",
    store: Literal["decoded", "encoded"] = "decoded",
) -> Plan:
    """Chooses how ``stream`` is shared.

    ``largest``: the largest ``replay.size`` of the search. ``store_bytes``: size of the smallest node's
    object store. ``seed``: the trials' ``run.seed``. Raises UserError, with the numbers, for what cannot
    fit, and for ``encoded`` with a stream that has no encoded pictures.
    """
    has_encoded = all(hasattr(task.splits["train"].pictures, "read_encoded") for task in stream.tasks)
    if store == "encoded" and not has_encoded:
        raise UserError(
            f"replay.store=encoded: stream {stream.name} has no encoded pictures; allowed here: decoded"
        )
    samples = sum(len(split) for task in stream.tasks for split in task.splits.values())
    texts = samples * (row_bytes(stream.spec) - 3 * stream.spec.image_size**2)
    all_bytes = samples * row_bytes(stream.spec)
    kept = [min(len(task.splits["train"]), largest) for task in stream.tasks[:-1]]
    disk_bytes = texts + round(sum(n * _picture_bytes(stream, k, store) for k, n in enumerate(kept)))
    fits = all_bytes <= store_bytes * _SHARE
    mode = "resident" if stream_in == "memory" or (stream_in == "auto" and fits) else "disk"
    found = Plan(mode, store, largest, seed, all_bytes, disk_bytes, store_bytes, stream_in)
    room = f"{_size(found.room)} of the object store's {_size(store_bytes)} may be used"
    if mode == "resident" and not fits:
        raise UserError(
            f"run.stream_in=memory: stream {stream.name} takes {_size(all_bytes)}, {room}; "
            "set run.stream_in=disk, or start Ray with a larger object store"
        )
    if mode == "disk" and disk_bytes > found.room:
        smaller = "a smaller replay.size"
        if has_encoded and store == "decoded":
            smaller += " or replay.store=encoded"
        raise UserError(
            f"replay.size up to {largest}: {sum(kept)} samples that may be replayed and the texts take "
            f"{_size(disk_bytes)}, {room}; set {smaller}, or start Ray with a larger object store"
        )
    return found


def _picture_bytes(stream: Stream, task: int, store: str) -> float:
    """Mean bytes of a picture of a task in the store."""
    if store == "decoded":
        return 3 * stream.spec.image_size**2
    pictures = stream.tasks[task].splits["train"].pictures
    sample = np.unique(np.linspace(0, len(pictures) - 1, _SAMPLED).astype(np.int64))
    sizes = []
    for row in sample:
        try:
            sizes.append(len(pictures.read_encoded(np.array([row]))[0]))
        except BadRecord:
            if not stream.skip_bad:
                raise
    return float(np.mean(sizes)) if sizes else 0.0


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.2f} {name}"
    return f"{count / 1e3:.1f} kB"
