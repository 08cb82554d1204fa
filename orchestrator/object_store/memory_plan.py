"""Computes what will lie in the object store, before anything is put there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import BadRecord, UserError
from ..seeding import hashed
from ..streams.stream import Stream
from .original_crops import reads_originals

StreamIn = Literal["auto", "memory", "disk"]

_SHARE = 0.8
"""The share of the object store that a sweep may fill. Ray's own objects need room too, and so does a second
copy while an array is put again.
"""

_SAMPLED = 16
"""Files of each task whose sizes estimate those of all its files."""


def row_bytes(stream: Stream) -> int:
    """Returns the bytes of one training sample.

    They are those of its decoded picture, of its features in all views in the picture's place, or of both; of
    its tokens (int32) and label (int32); and of its question's data.
    """
    if not stream.features_only:
        return decoded_bytes(stream) + _rest_bytes(stream)
    feature = stream.tasks[0].splits["train"].feature
    views = 0 if stream.views is None else stream.views.shape[1]
    return (1 + views) * math.prod(feature.shape[1:]) * feature.itemsize + _text_bytes(stream)


def decoded_bytes(stream: Stream) -> int:
    """Returns the bytes of a decoded picture, or of its regions."""
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
    """Where a sweep's samples will lie. The byte counts are those that the store would hold.

    Attributes:
        mode: ``resident``: every picture lies decoded in the object store. ``disk``: pictures are read from
            their source, and only what may be replayed lies in the store. ``features``: features of a frozen
            encoder take the place of pictures, and all of them lie in the store.
        store: How the samples that may be replayed lie in the store.
        largest: The largest memory of the search.
        candidates: How many rows of each task may be replayed under each seed: the first rows of the task's
            random order. It is ``largest``, or as many as fit where there are several seeds. A row that is
            replayed without being a candidate is read from its source, at each step that has it.
        seeds: The seeds of the trials.
        all_bytes: The bytes in mode ``resident`` or ``features``.
        disk_bytes: The bytes in mode ``disk``.
        store_bytes: The size of the object store.
        asked: The mode that the user asked for.
        originals: Whether training reads pictures in their original size, and so from disk.
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
    originals: bool = False

    @property
    def room(self) -> int:
        """The bytes of ``store_bytes`` that a sweep may fill."""
        return int(self.store_bytes * _SHARE)

    def explain(self) -> str:
        """Returns one or two lines for the user: what is done, why, and the setting for the other way."""
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
        other = f"run.stream_in=memory needs an object store of {_size(int(self.all_bytes / _SHARE) + 1)}"
        if self.originals:
            why = "crops are of the original size"
            other = f"with stream.crop=resized {other}"
        kept = f"up to {self.candidates} samples a task for replay ({self.store})"
        if len(self.seeds) > 1:
            kept += f" under each of {len(self.seeds)} seeds"
        if self.candidates < self.largest:
            kept += f" of {self.largest} that may be replayed, the others are read from disk"
        return (
            f"stream read from disk: {usable}; {why} ({other})\n"
            f"in memory: texts, and {kept}, {_size(self.disk_bytes)}"
        )


def candidate_rows(rows: np.ndarray, seeds: Sequence[int], most: int) -> np.ndarray:
    """Returns which rows of a task may be replayed.

    A memory that draws at random from the whole task keeps only such rows. The candidates for a smaller
    ``most`` are among those for a larger one.

    Args:
        rows: The global training rows of a task.
        seeds: The seeds of the trials.
        most: How many of the first rows of the task's random order are taken under each seed.

    Returns:
        int64, ascending: indices into ``rows``.
    """
    return _first(_orders(rows, seeds), most)


def _orders(rows: np.ndarray, seeds: Sequence[int]) -> list[np.ndarray]:
    return [np.argsort(~hashed(seed, rows)) for seed in seeds]


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
    """Chooses how a stream is shared.

    S seeds take up to S times the store of one seed, and less where their choices overlap. The candidates of
    several seeds are cut down to what fits, where those of one seed fit. A stream that has features is shared
    by them, whatever ``stream_in`` and ``store`` say of pictures.

    Args:
        stream: The stream.
        largest: The largest ``replay.size`` of the search.
        store_bytes: The size of the smallest node's object store.
        seeds: Every ``run.seed`` of the trials, at least one.
        stream_in: Where pictures lie: ``memory``, ``disk``, or ``auto``.
        store: How the samples that may be replayed lie in the store.

    Raises:
        UserError: The stream cannot fit (the message has the numbers), or ``store`` is ``encoded`` and the
            stream has no encoded pictures; or as of :func:`~.original_crops.reads_originals`.
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
    originals = reads_originals(stream, largest, stream_in, store)
    mode = "resident" if stream_in == "memory" or (stream_in == "auto" and fits and not originals) else "disk"
    replayed = _Replayed(stream, seeds, store)
    one = texts + replayed.nbytes(largest, seeds=1)
    room = int(store_bytes * _SHARE)
    candidates = replayed.most_within(room - texts, largest) if mode == "disk" and one <= room else largest
    disk_bytes = texts + replayed.nbytes(candidates)
    sizes = all_bytes, disk_bytes, store_bytes
    plan = MemoryPlan(mode, store, largest, candidates, seeds, *sizes, stream_in, originals)
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
    return plan


class _Replayed:
    """The size of a stream's candidates. The last task's rows are never replayed."""

    def __init__(self, stream: Stream, seeds: tuple[int, ...], store: str) -> None:
        past = range(len(stream.tasks) - 1)
        self._orders = [_orders(stream.train_rows(task), seeds) for task in past]
        self._bytes = [_picture_bytes(stream, task, store) for task in past]

    def count(self, most: int, seeds: int | None = None) -> int:
        """The number of candidates under the first ``seeds`` seeds (None: all)."""
        return sum(len(_first(orders[:seeds], most)) for orders in self._orders)

    def nbytes(self, most: int, seeds: int | None = None) -> int:
        """The bytes of up to ``most`` pictures of each task and seed, under the first ``seeds`` seeds (None:
        all).
        """
        sizes = zip(self._orders, self._bytes, strict=True)
        return round(sum(len(_first(orders[:seeds], most)) * size for orders, size in sizes))

    def most_within(self, room: int, largest: int) -> int:
        """The largest number of pictures of each task and seed, up to ``largest``, that fits into ``room``
        bytes.
        """
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
    plan = MemoryPlan("features", "decoded", largest, largest, seeds, *sizes, stream_in)
    if all_bytes > plan.room:
        raise UserError(
            f"the features of stream {stream.name} take {_size(all_bytes)}, {_size(plan.room)} of the "
            f"object store's {_size(store_bytes)} may be used; set a smaller run.views, start Ray with a "
            "larger object store, or give --no-feature-cache"
        )
    return plan


def _picture_bytes(stream: Stream, task: int, store: str) -> float:
    """The mean bytes of a task's picture in the store."""
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
