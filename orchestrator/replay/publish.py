"""Puts a stream into shared memory, once, for all trials."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from methods.method import InputSpec, Task

from ..errors import BadRecord, UserError
from ..prefetch import Prefetch
from ..streams.pictures import ArrayPictures, EncodedPictures
from ..streams.stream import Split, Stream, TaskData
from .keys import keys
from .limits import Plan, row_bytes
from .shared_stream import Candidates, SharedStream
from .store import SharedStore
from .subset import Subset
from .substitute import Substitute

_CHUNK = 64
_THREADS = 8
_LARGE = 2**20

_Place = tuple[int, str]
_Rows = dict[_Place, np.ndarray]

Progress = Callable[[int, int], None]
"""Called with pictures done and pictures to do."""


@dataclass(frozen=True)
class StreamHandle:
    """A published stream: small, travels to workers, :meth:`open`\\ s there.

    ``skipped``: records left out because their picture cannot be read, by ``task/split``.
    """

    store: SharedStore
    plan: Plan
    name: str
    spec: InputSpec
    augment: str
    skip_bad: bool
    tasks: tuple[tuple[Task, dict[str, int]], ...]
    sources: bytes
    source_buffers: int
    records: frozenset[tuple[int, str]]
    skipped: dict[str, int] = field(default_factory=dict)

    def open(self) -> SharedStream:
        """The stream, its arrays mapped in place. Raises UserError when they are gone."""
        tokens, label = self.store.get_many(["tokens", "label"])
        places = _places([sizes for _, sizes in self.tasks])
        training = sum(sizes["train"] for _, sizes in self.tasks)
        if self.plan.mode == "resident":
            image = self.store.get("image")
            pictures = {place: ArrayPictures(image[a:b]) for place, (a, b) in places.items()}
            candidates = Candidates(None, ArrayPictures(image[:training]))
            per_row = float(row_bytes(self.spec))
        else:
            buffers = self.store.get_many([f"source.{i}" for i in range(self.source_buffers)])
            pictures = pickle.loads(self.sources, buffers=buffers)
            if self.skip_bad:
                pictures = {k: Substitute(p) if k[1] == "train" else p for k, p in pictures.items()}
            candidates, per_row = self._candidates()
        tasks = []
        for index, (task, sizes) in enumerate(self.tasks):
            splits = {}
            for name in sizes:
                a, b = places[index, name]
                record = self.store.get(_record_key(index, name)) if (index, name) in self.records else None
                splits[name] = Split(pictures[index, name], tokens[a:b], label[a:b], record)
            tasks.append(TaskData(task, splits))
        return SharedStream(
            self.name,
            self.spec,
            tasks,
            self.augment,
            self.skip_bad,
            tokens[:training],
            label[:training],
            candidates,
            per_row,
        )

    def _candidates(self) -> tuple[Candidates, float]:
        size = self.spec.image_size
        rows = self.store.get("candidates.rows")
        if self.plan.store == "decoded":
            return Candidates(rows, ArrayPictures(self.store.get("candidates.image"))), float(
                row_bytes(self.spec)
            )
        flat, offsets = self.store.get_many(["candidates.flat", "candidates.offsets"])
        texts = row_bytes(self.spec) - 3 * size**2
        per_row = texts + len(flat) / max(1, len(rows))
        return Candidates(rows, EncodedPictures(flat, offsets, size)), per_row


def publish(stream: Stream, store: SharedStore, plan: Plan, progress: Progress | None = None) -> StreamHandle:
    """Shares ``stream`` as ``plan`` says.

    A picture that cannot be read is a UserError, or, where ``stream.skip_bad``, leaves its record out and
    counts it; in mode ``disk`` that is so for the held-out splits, and training pictures are met later (see
    :class:`~orchestrator.replay.rows.RowReader`). Also raises UserError when the disk cannot hold the
    twins, or a split loses all its records.
    """
    return _Publisher(stream, store, plan, progress).publish()


class _Publisher:
    def __init__(self, stream: Stream, store: SharedStore, plan: Plan, progress: Progress | None) -> None:
        self._stream = stream
        self._store = store
        self._plan = plan
        self._progress = progress or (lambda done, total: None)
        self._shape = (stream.image_size, stream.image_size, 3)
        self._splits = {
            place: stream.tasks[place[0]].splits[place[1]]
            for place in _places([{n: len(s) for n, s in t.splits.items()} for t in stream.tasks])
        }
        self._kept = {place: np.arange(len(split)) for place, split in self._splits.items()}

    def publish(self) -> StreamHandle:
        if self._plan.mode == "resident":
            self._share_pictures()
            sources, buffers = b"", []
        else:
            if self._stream.skip_bad:
                self._drop_bad_held_out()
            sources, buffers = self._share_sources()
            self._share_candidates()
        self._share_texts()
        tasks = tuple(
            (data.task, {name: len(self._kept[index, name]) for name in data.splits})
            for index, data in enumerate(self._stream.tasks)
        )
        skipped = {
            f"{self._stream.tasks[index].task.name}/{name}": len(split) - len(self._kept[index, name])
            for (index, name), split in self._splits.items()
            if len(split) > len(self._kept[index, name])
        }
        return StreamHandle(
            self._store,
            self._plan,
            self._stream.name,
            self._stream.spec,
            self._stream.augment,
            self._stream.skip_bad,
            tasks,
            sources,
            len(buffers),
            self._share_records(),
            skipped,
        )

    def _share_pictures(self) -> None:
        total = sum(len(split) for split in self._splits.values())
        with self._store.writing("image", (total, *self._shape), np.uint8) as twin:
            twin.length = 0
            for pictures in self._decode(self._kept):
                twin.array[twin.length : twin.length + len(pictures)] = pictures
                twin.length += len(pictures)

    def _drop_bad_held_out(self) -> None:
        held_out = {place: rows for place, rows in self._kept.items() if place[1] != "train"}
        for _ in self._decode(held_out):
            pass
        self._kept.update(held_out)

    def _share_texts(self) -> None:
        total = sum(len(rows) for rows in self._kept.values())
        for name, shape in (("tokens", (total, self._stream.spec.max_tokens)), ("label", (total,))):
            with self._store.writing(name, shape, np.int32) as twin:
                end = 0
                for place, rows in self._kept.items():
                    twin.array[end : end + len(rows)] = getattr(self._splits[place], name)[rows]
                    end += len(rows)

    def _share_records(self) -> frozenset[tuple[int, str]]:
        """The record numbers of the splits that have them; returns which."""
        numbered = {place: split.record for place, split in self._splits.items() if split.record is not None}
        for place, record in numbered.items():
            self._store.put(_record_key(*place), record[self._kept[place]])
        return frozenset(numbered)

    def _share_sources(self) -> tuple[bytes, list[pickle.PickleBuffer]]:
        """The readers of the pictures; what is large in them (names of a million files) lies in the
        store, once.
        """
        buffers: list[pickle.PickleBuffer] = []

        def keep_inside(buffer: pickle.PickleBuffer) -> bool:
            small = buffer.raw().nbytes < _LARGE
            if not small:
                buffers.append(buffer)
            return small

        sources = {
            place: split.pictures
            if len(self._kept[place]) == len(split)
            else Subset(split.pictures, self._kept[place])
            for place, split in self._splits.items()
        }
        pickled = pickle.dumps(sources, protocol=5, buffer_callback=keep_inside)
        for i, buffer in enumerate(buffers):
            self._store.put(f"source.{i}", np.frombuffer(buffer.raw(), np.uint8))
        return pickled, buffers

    def _share_candidates(self) -> None:
        chosen = {}
        # The last task's rows are never replayed.
        for index in range(len(self._stream.tasks) - 1):
            rows = self._stream.train_rows(index)
            first = np.argsort(~keys(self._plan.seed, rows))[: self._plan.candidates]
            chosen[index, "train"] = np.sort(first)
        if self._plan.store == "decoded":
            total = sum(len(rows) for rows in chosen.values())
            with self._store.writing("candidates.image", (total, *self._shape), np.uint8) as twin:
                twin.length = 0
                for pictures in self._decode(chosen):
                    twin.array[twin.length : twin.length + len(pictures)] = pictures
                    twin.length += len(pictures)
        else:
            self._share_encoded(chosen)
        found = [self._stream.starts[index] + rows for (index, _), rows in chosen.items()]
        self._store.put("candidates.rows", np.concatenate([np.empty(0, np.int64), *found]))

    def _share_encoded(self, chosen: dict[tuple[int, str], np.ndarray]) -> None:
        # Twice over the files: the first pass learns their sizes, the second finds them in the page cache.
        sizes = [len(data) for data in self._encoded(chosen)]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        with self._store.writing("candidates.flat", (int(offsets[-1]),), np.uint8) as twin:
            for data, begin, end in zip(self._encoded(chosen), offsets[:-1], offsets[1:], strict=True):
                twin.array[begin:end] = np.frombuffer(data, np.uint8)
        self._store.put("candidates.offsets", offsets)

    def _decode(self, wanted: _Rows) -> Iterator[np.ndarray]:
        return self._read(wanted, "read")

    def _encoded(self, wanted: _Rows) -> Iterator[bytes]:
        return itertools.chain.from_iterable(self._read(wanted, "read_encoded"))

    def _read(self, wanted: _Rows, method: str) -> Iterator[Sequence]:
        """What ``method`` of the splits' pictures gives for the ``wanted`` rows, a chunk at a time, in order.

        Rows that cannot be read are taken out of ``wanted`` at the end, where the stream allows it.
        """

        def work(item: tuple[_Place, np.ndarray]) -> tuple[_Place, np.ndarray, Sequence]:
            place, rows = item
            while len(rows):
                try:
                    return place, rows, getattr(self._splits[place].pictures, method)(rows)
                except BadRecord as error:
                    if not self._stream.skip_bad:
                        raise
                    rows = rows[rows != error.row]
            return place, rows, ()

        chunks = [
            (place, rows[i : i + _CHUNK])
            for place, rows in wanted.items()
            for i in range(0, len(rows), _CHUNK)
        ]
        total, done = sum(len(rows) for rows in wanted.values()), 0
        good: dict[_Place, list[np.ndarray]] = {place: [np.empty(0, np.int64)] for place in wanted}
        threads = min(_THREADS, os.cpu_count() or 1)
        reading = Prefetch(work, lambda: chunks, threads=threads, depth=2 * threads)
        for (_, asked), (place, rows, read) in zip(chunks, reading, strict=True):
            good[place].append(rows)
            done += len(asked)
            self._progress(done, total)
            if len(rows):
                yield read
        for (index, name), parts in good.items():
            rows = np.concatenate(parts)
            if len(wanted[index, name]) and not len(rows):
                task = self._stream.tasks[index].task.name
                raise UserError(f"task {task}, split {name}: none of its pictures can be read")
            wanted[index, name] = rows


def _places(sizes: Sequence[dict[str, int]]) -> dict[_Place, tuple[int, int]]:
    """Begin and end of each split in the arrays of all splits: first the training splits of all tasks,
    then the others.
    """
    order = [(index, "train") for index in range(len(sizes))]
    order += [(index, name) for index, splits in enumerate(sizes) for name in splits if name != "train"]
    ends = np.cumsum([sizes[index][name] for index, name in order]).tolist()
    return dict(zip(order, zip([0, *ends[:-1]], ends, strict=True), strict=True))


def _record_key(task: int, split: str) -> str:
    return f"record.{task}.{split}"
