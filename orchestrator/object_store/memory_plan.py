"""What will lie in the object store, reckoned before anything is put there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import BadRecord, UserError
from ..seeding import keys
from ..streams.stream import Stream

StreamIn = Literal["auto", "memory", "disk"]

_SHARE = 0.8
"""Of the object store, what a sweep may fill: Ray's own objects and a second copy while one is put again
need room too.
"""

_SAMPLED = 16
"""Files a task whose sizes estimate those of all."""


def row_bytes(stream: Stream) -> int:
    """Bytes of one training sample: its decoded picture, its features in all views in its place, or both; its
    tokens (int32), its label (int32) and what is known of its question.
    """
    if not stream.features_only:
        return decoded_bytes(stream) + _rest_bytes(stream)
    feature = stream.tasks[0].splits["train"].feature
    views = 0 if stream.views is None else stream.views.shape[1]
    return (1 + views) * math.prod(feature.shape[1:]) * feature.itemsize + _text_bytes(stream)


def decoded_bytes(stream: Stream) -> int:
    """Bytes of a decoded picture, or of its regions."""
    shape, kind = stream.picture
    return math.prod(shape) * np.dtype(kind).itemsize


def _text_bytes(stream: Stream) -> int:
    """Bytes of a sample without its picture and features."""
    first = stream.tasks[0].splits["train"]
    questions = 0 if first.questions is None else 4 + 8 * first.questions.answer.shape[1]
    return 4 * first.tokens.shape[1] + 4 + questions


def _rest_bytes(stream: Stream) -> int:
    """Bytes of a sample without its picture."""
    first = stream.tasks[0].splits["train"]
    beside = math.prod(first.feature.shape[1:]) * first.feature.itemsize if first.beside else 0
    return _text_bytes(stream) + beside


@dataclass(frozen=True)
class MemoryPlan:
    """Where a sweep's samples will lie.

    ``mode``: ``resident``, every picture decoded in the object store; ``disk``, pictures read from their
    source, and in the store only what may be replayed; or ``features``, in the place of pictures what a
    frozen encoder gives for them, all of it in the store. ``store``: how what may be replayed lies there.
    ``candidates``: rows a task and seed that may be replayed, the first of the task's random order under each
    of ``seeds``: ``largest``, the largest memory of the search, or as many as fit where there are several
    seeds. A row that is replayed without being a candidate is read from its source, at each step that has it.
    The byte counts are what the store would hold: ``all_bytes`` in mode ``resident`` or ``features``,
    ``disk_bytes`` in mode ``disk``; ``room``: what it may hold, of ``store_bytes``.
    """

    mode: Literal["resident", "disk", "features"]
    store: Literal["decoded", "encoded"]
    largest: int
    candidates: int
    seeds: tuple[int, ...]
    all_bytes: int
    disk_bytes: int
    store_bytes: int
    asked: StreamIn

    @property
    def room(self) -> int:
        return int(self.store_bytes * _SHARE)

    def explain(self) -> str:
        """One or two lines for the user: what is done, why, and what to set for the other way."""
        if self.mode == "features":
            return (
                f"features in memory: {_size(self.all_bytes)}, {_size(self.room)} of the object store may be "
                "used; pictures are not read again (--no-feature-cache encodes every batch instead)"
            )
        usable = f"{_size(self.all_bytes)} decoded, {_size(self.room)} of the object store may be used"
        asked = f"run.stream_in is {self.asked}"
        if self.mode == "resident":
            why = "it fits" if self.asked == "auto" else asked
            return f"stream in memory: {usable}; {why} (run.stream_in=disk reads it from disk instead)"
        why = "it does not fit" if self.asked == "auto" else asked
        need = _size(int(self.all_bytes / _SHARE) + 1)
        kept = f"up to {self.candidates} samples a task for replay ({self.store})"
        if len(self.seeds) > 1:
            kept += f" under each of {len(self.seeds)} seeds"
        if self.candidates < self.largest:
            kept += f" of {self.largest} that may be replayed, the others are read from disk"
        return (
            f"stream read from disk: {usable}; {why} (run.stream_in=memory needs an object store of {need})\n"
            f"in memory: texts, and {kept}, {_size(self.disk_bytes)}"
        )


def candidate_rows(rows: np.ndarray, seeds: Sequence[int], most: int) -> np.ndarray:
    """int64, ascending: places in ``rows``, the global training rows of a task, of those that come first, up
    to ``most``, in its random order under one of ``seeds``.

    A memory that draws at random from the whole task keeps none but these; one of fewer rows lies within one
    of more.
    """
    return _first(_orders(rows, seeds), most)


def _orders(rows: np.ndarray, seeds: Sequence[int]) -> list[np.ndarray]:
    return [np.argsort(~keys(seed, rows)) for seed in seeds]


def _first(orders: list[np.ndarray], most: int) -> np.ndarray:
    return np.unique(np.concatenate([np.empty(0, np.int64), *(order[:most] for order in orders)]))


def memory_plan(
    stream: Stream,
    *,
    largest: int,
    store_bytes: int,
    seeds: Sequence[int],
    stream_in: StreamIn = "auto",
    store: Literal["decoded", "encoded"] = "decoded",
) -> MemoryPlan:
    """Chooses how ``stream`` is shared.

    ``largest``: the largest ``replay.size`` of the search. ``store_bytes``: size of the smallest node's
    object store. ``seeds``: every ``run.seed`` of the trials, at least one: S seeds cost up to S times the
    store of one, fewer where their choices meet. Raises UserError, with the numbers, for what cannot fit, and
    for ``encoded`` with a stream that has no encoded pictures; candidates of several seeds are cut down to
    what fits, where those of one do. A stream that has features is shared by them, whatever ``stream_in`` and
    ``store`` say of pictures.
    """
    seeds = tuple(sorted(set(seeds)))
    if stream.features_only:
        return _plan_features(stream, largest, store_bytes, seeds, stream_in)
    has_encoded = all(hasattr(task.splits["train"].pictures, "read_encoded") for task in stream.tasks)
    if store == "encoded" and not has_encoded:
        raise UserError(
            f"replay.store=encoded: stream {stream.name} has no encoded pictures; allowed here: decoded"
        )
    samples = sum(len(split) for task in stream.tasks for split in task.splits.values())
    texts = samples * _rest_bytes(stream)
    all_bytes = samples * row_bytes(stream)
    fits = all_bytes <= store_bytes * _SHARE
    mode = "resident" if stream_in == "memory" or (stream_in == "auto" and fits) else "disk"
    replayed = _Replayed(stream, seeds, store)
    one = texts + replayed.nbytes(largest, seeds=1)
    room = int(store_bytes * _SHARE)
    candidates = replayed.most_within(room - texts, largest) if mode == "disk" and one <= room else largest
    disk_bytes = texts + replayed.nbytes(candidates)
    found = MemoryPlan(mode, store, largest, candidates, seeds, all_bytes, disk_bytes, store_bytes, stream_in)
    said = f"{_size(room)} of the object store's {_size(store_bytes)} may be used"
    if mode == "resident" and not fits:
        raise UserError(
            f"run.stream_in=memory: stream {stream.name} takes {_size(all_bytes)}, {said}; "
            "set run.stream_in=disk, or start Ray with a larger object store"
        )
    if mode == "disk" and one > room:
        smaller = "a smaller replay.size"
        if has_encoded and store == "decoded":
            smaller += " or replay.store=encoded"
        raise UserError(
            f"replay.size up to {largest}: {replayed.count(largest, seeds=1)} samples that may be replayed "
            f"and the texts take {_size(one)}, {said}; set {smaller}, or start Ray with a larger object store"
        )
    return found


class _Replayed:
    """What candidates of a stream take. The last task's rows are never replayed."""

    def __init__(self, stream: Stream, seeds: tuple[int, ...], store: str) -> None:
        past = range(len(stream.tasks) - 1)
        self._orders = [_orders(stream.train_rows(task), seeds) for task in past]
        self._bytes = [_picture_bytes(stream, task, store) for task in past]

    def count(self, most: int, seeds: int | None = None) -> int:
        return sum(len(_first(orders[:seeds], most)) for orders in self._orders)

    def nbytes(self, most: int, seeds: int | None = None) -> int:
        """Of up to ``most`` pictures a task and seed, of the first ``seeds`` (None: all)."""
        sizes = zip(self._orders, self._bytes, strict=True)
        return round(sum(len(_first(orders[:seeds], most)) * size for orders, size in sizes))

    def most_within(self, room: int, largest: int) -> int:
        """The most a task and seed, up to ``largest``, that ``room`` bytes hold."""
        if self.nbytes(largest) <= room:
            return largest
        low, high = 0, largest  # low fits, high does not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.nbytes(middle) <= room else (low, middle)
        return low


def _plan_features(
    stream: Stream, largest: int, store_bytes: int, seeds: tuple[int, ...], stream_in: StreamIn
) -> MemoryPlan:
    splits = [(name, split) for task in stream.tasks for name, split in task.splits.items()]
    training = sum(len(split) for name, split in splits if name == "train")
    held_out = sum(len(split) for name, split in splits if name != "train")
    all_bytes = training * row_bytes(stream)
    all_bytes += held_out * (splits[0][1].feature[:1].nbytes + _text_bytes(stream))
    sizes = all_bytes, all_bytes, store_bytes
    found = MemoryPlan("features", "decoded", largest, largest, seeds, *sizes, stream_in)
    if all_bytes > found.room:
        raise UserError(
            f"the features of stream {stream.name} take {_size(all_bytes)}, {_size(found.room)} of the "
            f"object store's {_size(store_bytes)} may be used; set a smaller run.views, start Ray with a "
            "larger object store, or give --no-feature-cache"
        )
    return found


def _picture_bytes(stream: Stream, task: int, store: str) -> float:
    """Mean bytes of a picture of a task in the store."""
    if store == "decoded":
        return decoded_bytes(stream)
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
