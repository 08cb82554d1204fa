"""Puts a stream into shared memory, once for all trials."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from methods.method import ClassSpec, InputSpec, Task

from ..errors import BadRecord, UserError
from ..machine.cpus import usable_cpus
from ..streams.pictures import ArrayPictures, EncodedPictures, MissingPictures
from ..streams.pictures.absent import UnavailablePictures
from ..streams.pictures.subset import PictureSubset
from ..streams.pictures.substitute import SubstitutePictures
from ..streams.prefetch import Prefetch
from ..streams.source import Questions, QuestionTables
from ..streams.split_spans import SplitKey, split_spans
from ..streams.stream import Split, Stream, TaskData
from .memory_plan import MemoryPlan, candidate_rows, decoded_bytes, row_bytes
from .shared_pickle import SharedPickle, pack
from .shared_store import SharedStore
from .shared_stream import Candidates, SharedStream

_CHUNK = 64
_QUESTIONS = ("kind", "answer", "score")
_THREADS = 8

_Rows = dict[SplitKey, np.ndarray]

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and of all pictures."""


@dataclass(frozen=True)
class StreamHandle:
    """A published stream. It is small, travels to workers, and is opened there.

    Attributes:
        store: The store of the stream's arrays.
        plan: Where the samples lie.
        name: The stream's name.
        spec: What a method must know of the stream.
        image_size: The side of the pictures, in pixels.
        augment: The transform of training pictures.
        skip_bad: Whether bad records may be left out.
        tasks: Each task with the sizes of its splits.
        sources: The readers of the pictures, where pictures are read from disk.
        row_bytes: The bytes of one training sample.
        decoded_bytes: The bytes of a decoded picture.
        arrays: The arrays in the store that not every stream has.
        skipped: The number of records that were left out, since their picture cannot be read, by
            ``task/split``.
        tables: The tables of questions, in vqa.
        missing: The splits without pictures.
    """

    store: SharedStore
    plan: MemoryPlan
    name: str
    spec: InputSpec | ClassSpec
    image_size: int
    augment: str
    skip_bad: bool
    tasks: tuple[tuple[Task, dict[str, int]], ...]
    sources: SharedPickle | None
    row_bytes: int
    decoded_bytes: int
    arrays: frozenset[str]
    skipped: dict[str, int] = field(default_factory=dict)
    tables: QuestionTables | None = None
    missing: dict[SplitKey, MissingPictures] = field(default_factory=dict)

    def open(self) -> SharedStream:
        """Opens the stream, with its arrays mapped in place.

        Raises:
            UserError: The arrays are gone.
        """
        tokens, label = self.store.get_many(["tokens", "label"])
        spans = split_spans([sizes for _, sizes in self.tasks])
        training = sum(sizes["train"] for _, sizes in self.tasks)
        per_row = float(self.row_bytes)
        feature, questions = self._array("feature"), self._questions()
        if self.plan.mode == "features":
            pictures = {key: UnavailablePictures(b - a) for key, (a, b) in spans.items()}
            candidates = Candidates(None, UnavailablePictures(training))
        elif self.plan.mode == "resident":
            image = self.store.get("image")
            pictures = {key: ArrayPictures(image[a:b]) for key, (a, b) in spans.items()} | self.missing
            candidates = Candidates(None, ArrayPictures(image[:training]))
        else:
            pictures = self.sources.open()
            if self.skip_bad:
                for index, (task, _) in enumerate(self.tasks):
                    a, b = spans[key := (index, "train")]
                    own = label[a:b]
                    group = None if self.tables is None else np.asarray(self.tables.group_of)[own]
                    pictures[key] = SubstitutePictures.of_labels(
                        pictures[key], task.scenario, own, group=group
                    )
            candidates, per_row = self._candidates()
        tasks = []
        for index, (task, sizes) in enumerate(self.tasks):
            splits = {}
            for name in sizes:
                a, b = spans[index, name]
                splits[name] = Split(
                    pictures[index, name],
                    tokens[a:b],
                    label[a:b],
                    self._array(_record_key(index, name)),
                    None if feature is None else feature[a:b],
                    None if questions is None else questions.take(slice(a, b)),
                    feature is not None and self.plan.mode != "features",
                )
            tasks.append(TaskData(task, splits))
        spec = self.spec
        if isinstance(spec, ClassSpec):
            # A tensor cannot be read-only: each process has its own copy of this small one.
            spec = replace(spec, text=torch.from_numpy(self.store.get("text").copy()))
        return SharedStream(
            self.name,
            spec,
            tasks,
            self.augment,
            self.skip_bad,
            tokens[:training],
            label[:training],
            candidates,
            per_row,
            image_size=self.image_size,
            feature=None if feature is None else feature[:training],
            views=self._array("views"),
            herding=self._array("herding"),
            origin=self._array("origin"),
            questions=None if questions is None else questions.take(slice(0, training)),
            tables=self.tables,
        )

    def _questions(self) -> Questions | None:
        if self.tables is None:
            return None
        return Questions(*self.store.get_many([f"questions.{name}" for name in _QUESTIONS]))

    def _array(self, key: str) -> np.ndarray | None:
        return self.store.get(key) if key in self.arrays else None

    def _candidates(self) -> tuple[Candidates, float]:
        rows = self.store.get("candidates.rows")
        if self.plan.store == "decoded":
            return Candidates(rows, ArrayPictures(self.store.get("candidates.image"))), float(self.row_bytes)
        flat, offsets = self.store.get_many(["candidates.flat", "candidates.offsets"])
        per_row = self.row_bytes - self.decoded_bytes + len(flat) / max(1, len(rows))
        return Candidates(rows, EncodedPictures(flat, offsets, self.image_size)), per_row


def publish(
    stream: Stream,
    store: SharedStore,
    plan: MemoryPlan,
    progress: Progress | None = None,
    files: Mapping[str, Path] | None = None,
) -> StreamHandle:
    """Shares a stream as a plan says.

    Where ``stream.skip_bad``, a record whose picture cannot be read is left out and counted. In mode ``disk``
    that applies to the held-out splits; training pictures are read later (see
    :class:`~orchestrator.data.row_reader.RowReader`).

    Args:
        stream: The stream.
        store: The store of the arrays.
        plan: Where the samples lie.
        progress: Is told how many pictures are done.
        files: Where there are features, the .npy files of ``feature``, and of ``herding`` and ``views`` where
            the stream has them, in the order of :func:`~orchestrator.streams.split_spans.split_spans`. They
            are shared without a second copy on disk.

    Raises:
        UserError: A picture cannot be read and may not be left out, the disk cannot hold the arrays' files,
            or a split loses all its records, or in recognition all records of a class.
    """
    return _Publisher(stream, store, plan, progress, files or {}).publish()


class _Publisher:
    def __init__(
        self,
        stream: Stream,
        store: SharedStore,
        plan: MemoryPlan,
        progress: Progress | None,
        files: Mapping[str, Path],
    ) -> None:
        self._stream = stream
        self._store = store
        self._plan = plan
        self._progress = progress or (lambda done, total: None)
        self._shape, self._type = stream.picture
        self._files = files
        self._splits = {
            key: stream.tasks[key[0]].splits[key[1]]
            for key in split_spans([{n: len(s) for n, s in t.splits.items()} for t in stream.tasks])
        }
        self._kept = {key: np.arange(len(split)) for key, split in self._splits.items()}
        self._faults: dict[SplitKey, dict[int, str]] = {key: {} for key in self._splits}

    def publish(self) -> StreamHandle:
        sources = None
        for key, path in self._files.items():
            self._store.adopt(key, path)
        if self._plan.mode == "resident":
            self._share_pictures()
        elif self._plan.mode == "disk":
            if self._stream.skip_bad:
                self._drop_bad_held_out()
            sources = self._share_sources()
            self._share_candidates()
        self._check_classes()
        self._share_texts()
        spec = self._stream.spec
        if isinstance(spec, ClassSpec):
            self._store.put("text", spec.text.numpy())
            spec = replace(spec, text=torch.empty(0))
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
            spec,
            self._stream.image_size,
            self._stream.augment,
            self._stream.skip_bad,
            tasks,
            sources,
            row_bytes(self._stream),
            decoded_bytes(self._stream),
            frozenset([*self._files, *self._share_records(), *self._share_origin()]),
            skipped,
            self._stream.tables,
            {p: s.pictures for p, s in self._splits.items() if isinstance(s.pictures, MissingPictures)},
        )

    def _share_pictures(self) -> None:
        total = sum(len(split) for split in self._splits.values())
        with self._store.writing("image", (total, *self._shape), self._type) as file:
            file.length = 0
            for pictures in self._decode(self._kept):
                file.array[file.length : file.length + len(pictures)] = pictures
                file.length += len(pictures)

    def _drop_bad_held_out(self) -> None:
        held_out = {key: rows for key, rows in self._kept.items() if key[1] != "train"}
        for _ in self._decode(held_out):
            pass
        self._kept.update(held_out)

    def _check_classes(self) -> None:
        """Checks that no class has lost all its pictures: it would be neither learnt nor evaluated."""
        for (index, name), split in self._splits.items():
            task, kept = self._stream.tasks[index].task, self._kept[index, name]
            if task.scenario != "recognition" or len(kept) == len(split):
                continue
            if lost := set(split.label.tolist()) - set(split.label[kept].tolist()):
                known = self._stream.spec.names[min(lost)]
                faults = self._faults[index, name]
                first = [faults[row] for row in np.flatnonzero(split.label == min(lost)) if row in faults]
                raise UserError(
                    f"task {task.name}, split {name}: no picture of class {known!r} can be read"
                    f"{f', the first: {first[0]}' if first else ''}"
                )

    def _share_texts(self) -> None:
        total = sum(len(rows) for rows in self._kept.values())
        length = self._stream.tasks[0].splits["train"].tokens.shape[1]
        for name, shape in (("tokens", (total, length)), ("label", (total,))):
            with self._store.writing(name, shape, np.int32) as file:
                end = 0
                for key, rows in self._kept.items():
                    file.array[end : end + len(rows)] = getattr(self._splits[key], name)[rows]
                    end += len(rows)
        questions = Questions.join(
            [
                None if split.questions is None else split.questions.take(self._kept[key])
                for key, split in self._splits.items()
            ]
        )
        if questions is not None:
            for name in _QUESTIONS:
                self._store.put(f"questions.{name}", getattr(questions, name))

    def _share_records(self) -> list[str]:
        """Shares the record numbers of the splits that have them, and returns their keys."""
        numbered = {key: split.record for key, split in self._splits.items() if split.record is not None}
        for key, record in numbered.items():
            self._store.put(_record_key(*key), record[self._kept[key]])
        return [_record_key(*key) for key in numbered]

    def _share_origin(self) -> list[str]:
        """Shares the numbers that training rows had before some were left out, where some were; returns the
        array's key.
        """
        kept = [self._kept[index, "train"] for index in range(len(self._stream.tasks))]
        starts = self._stream.starts[:-1]
        origin = np.concatenate([start + rows for start, rows in zip(starts, kept, strict=True)])
        if len(origin) == self._stream.starts[-1]:
            return []
        self._store.put("origin", origin)
        return ["origin"]

    def _share_sources(self) -> SharedPickle:
        """Shares the readers of the pictures."""
        sources = {
            key: split.pictures
            if len(self._kept[key]) == len(split)
            else PictureSubset(split.pictures, self._kept[key])
            for key, split in self._splits.items()
        }
        return pack(sources, self._store, "source")

    def _share_candidates(self) -> None:
        chosen = {}
        # The last task's rows are never replayed.
        for index in range(len(self._stream.tasks) - 1):
            rows = self._stream.train_rows(index)
            chosen[index, "train"] = candidate_rows(rows, self._plan.seeds, self._plan.candidates)
        if self._plan.store == "decoded":
            total = sum(len(rows) for rows in chosen.values())
            with self._store.writing("candidates.image", (total, *self._shape), self._type) as file:
                file.length = 0
                for pictures in self._decode(chosen):
                    file.array[file.length : file.length + len(pictures)] = pictures
                    file.length += len(pictures)
        else:
            self._share_encoded(chosen)
        numbers = [self._stream.starts[index] + rows for (index, _), rows in chosen.items()]
        self._store.put("candidates.rows", np.concatenate([np.empty(0, np.int64), *numbers]))

    def _share_encoded(self, chosen: dict[tuple[int, str], np.ndarray]) -> None:
        # The files are read twice: the first pass learns their sizes, the second finds them in the page
        # cache.
        sizes = [len(data) for data in self._encoded(chosen)]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        with self._store.writing("candidates.flat", (int(offsets[-1]),), np.uint8) as file:
            for data, begin, end in zip(self._encoded(chosen), offsets[:-1], offsets[1:], strict=True):
                file.array[begin:end] = np.frombuffer(data, np.uint8)
        self._store.put("candidates.offsets", offsets)

    def _decode(self, wanted: _Rows) -> Iterator[np.ndarray]:
        return self._read(wanted, "read")

    def _encoded(self, wanted: _Rows) -> Iterator[bytes]:
        return itertools.chain.from_iterable(self._read(wanted, "read_encoded"))

    def _read(self, wanted: _Rows, method: str) -> Iterator[Sequence]:
        """Yields what ``method`` of the splits' pictures gives for the ``wanted`` rows, a chunk at a time, in
        order.

        Rows that cannot be read are removed from ``wanted`` at the end, where the stream allows it.
        """

        def work(item: tuple[SplitKey, np.ndarray]) -> tuple[SplitKey, np.ndarray, Sequence]:
            key, rows = item
            # Their error is raised where they are looked at
            if isinstance(self._splits[key].pictures, MissingPictures):
                return key, rows, np.zeros((len(rows), *self._shape), self._type)
            while len(rows):
                try:
                    return key, rows, getattr(self._splits[key].pictures, method)(rows)
                except BadRecord as error:
                    if not self._stream.skip_bad:
                        raise
                    self._faults[key][error.row] = str(error)
                    rows = rows[rows != error.row]
            return key, rows, ()

        chunks = [
            (key, rows[i : i + _CHUNK]) for key, rows in wanted.items() for i in range(0, len(rows), _CHUNK)
        ]
        total, done = sum(len(rows) for rows in wanted.values()), 0
        good: dict[SplitKey, list[np.ndarray]] = {key: [np.empty(0, np.int64)] for key in wanted}
        threads = min(_THREADS, usable_cpus())
        reading = Prefetch(work, lambda: chunks, threads=threads, depth=2 * threads)
        for (_, asked), (key, rows, read) in zip(chunks, reading, strict=True):
            good[key].append(rows)
            done += len(asked)
            self._progress(done, total)
            if len(rows):
                yield read
        for (index, name), parts in good.items():
            rows = np.concatenate(parts)
            if len(wanted[index, name]) and not len(rows):
                task = self._stream.tasks[index].task.name
                faults = self._faults[index, name]
                first = faults[min(faults)]
                raise UserError(
                    f"task {task}, split {name}: none of its pictures can be read, the first: {first}"
                )
            wanted[index, name] = rows


def _record_key(task: int, split: str) -> str:
    return f"record.{task}.{split}"
