"""Puts a stream into shared memory, once for all trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from methods.method import ClassSpec

from ..errors import UserError
from ..streams.pictures import MissingPictures
from ..streams.pictures.subset import PictureSubset
from ..streams.source import Questions
from ..streams.split_spans import split_spans
from ..streams.stream import Stream
from .array_names import QUESTIONS, record_name
from .memory_plan import MemoryPlan, candidate_rows, decoded_bytes, row_bytes
from .picture_reading import PictureReading, Progress, Rows
from .shared_pickle import SharedPickle, pack
from .shared_store import SharedStore
from .stream_handle import StreamHandle


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
        progress: Takes the number of pictures done and of all pictures.
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
        self._shape, self._type = stream.picture
        self._files = files
        self._splits = {
            key: stream.tasks[key[0]].splits[key[1]]
            for key in split_spans([{n: len(s) for n, s in t.splits.items()} for t in stream.tasks])
        }
        self._kept = {key: np.arange(len(split)) for key, split in self._splits.items()}
        self._reading = PictureReading(stream, self._splits, progress)

    def publish(self) -> StreamHandle:
        sources = None
        for name, path in self._files.items():
            self._store.adopt(name, path)
        if self._plan.mode == "resident":
            self._share_decoded("image", self._kept)
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

    def _share_decoded(self, name: str, wanted: Rows) -> None:
        total = sum(len(rows) for rows in wanted.values())
        with self._store.writing(name, (total, *self._shape), self._type) as file:
            file.length = 0
            for pictures in self._reading.decoded(wanted):
                file.array[file.length : file.length + len(pictures)] = pictures
                file.length += len(pictures)

    def _drop_bad_held_out(self) -> None:
        held_out = {key: rows for key, rows in self._kept.items() if key[1] != "train"}
        for _ in self._reading.decoded(held_out):
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
                faults = self._reading.faults[index, name]
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
            for name in QUESTIONS:
                self._store.put(f"questions.{name}", getattr(questions, name))

    def _share_records(self) -> list[str]:
        """Shares the record numbers of the splits that have them, and returns the names of their arrays."""
        numbered = {key: split.record for key, split in self._splits.items() if split.record is not None}
        for key, record in numbered.items():
            self._store.put(record_name(*key), record[self._kept[key]])
        return [record_name(*key) for key in numbered]

    def _share_origin(self) -> list[str]:
        """Shares the numbers of training rows (``Stream.numbers``), where they are not the rows themselves;
        returns the array's name.
        """
        kept = [self._kept[index, "train"] for index in range(len(self._stream.tasks))]
        starts = self._stream.starts[:-1]
        rows = np.concatenate([start + rows for start, rows in zip(starts, kept, strict=True)])
        origin = self._stream.numbers[rows]
        if np.array_equal(origin, np.arange(len(origin))):
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
            self._share_decoded("candidates.image", chosen)
        else:
            self._share_encoded(chosen)
        numbers = [self._stream.starts[index] + rows for (index, _), rows in chosen.items()]
        self._store.put("candidates.rows", np.concatenate([np.empty(0, np.int64), *numbers]))

    def _share_encoded(self, chosen: Rows) -> None:
        # The files are read twice: the first pass learns their sizes, the second finds them in the page
        # cache.
        sizes = [len(data) for data in self._reading.encoded(chosen)]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        with self._store.writing("candidates.flat", (int(offsets[-1]),), np.uint8) as file:
            for data, begin, end in zip(
                self._reading.encoded(chosen), offsets[:-1], offsets[1:], strict=True
            ):
                file.array[begin:end] = np.frombuffer(data, np.uint8)
        self._store.put("candidates.offsets", offsets)
