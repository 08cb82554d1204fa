"""A published stream, as it travels to workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from methods.method import ClassSpec, InputSpec, Task

from ..streams.pictures import ArrayPictures, EncodedPictures, MissingPictures
from ..streams.pictures.absent import UnavailablePictures
from ..streams.pictures.substitute import SubstitutePictures
from ..streams.source import Pictures, Questions, QuestionTables
from ..streams.split_spans import SplitKey, split_spans
from ..streams.stream import Split, TaskData
from .array_names import QUESTIONS, record_name
from .memory_plan import MemoryPlan
from .shared_pickle import SharedPickle
from .shared_store import SharedStore
from .shared_stream import Candidates, SharedStream

_Pictures = dict[SplitKey, Pictures]


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
        feature, questions = self._array("feature"), self._questions()
        pictures = self._pictures(spans, label)
        candidates, per_row = self._candidates(training)
        tasks = []
        for index, (task, sizes) in enumerate(self.tasks):
            splits = {}
            for name in sizes:
                a, b = spans[index, name]
                splits[name] = Split(
                    pictures[index, name],
                    tokens[a:b],
                    label[a:b],
                    self._array(record_name(index, name)),
                    None if feature is None else feature[a:b],
                    None if questions is None else questions.take(slice(a, b)),
                    feature is not None and self.plan.mode != "features",
                )
            tasks.append(TaskData(task, splits))
        return SharedStream(
            self.name,
            self._spec(),
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

    def _pictures(self, spans: Mapping[SplitKey, tuple[int, int]], label: np.ndarray) -> _Pictures:
        """Each split's pictures: none where features take their place, decoded ones, or their readers."""
        if self.plan.mode == "features":
            return {key: UnavailablePictures(b - a) for key, (a, b) in spans.items()}
        if self.sources is None:
            image = self.store.get("image")
            decoded: _Pictures = {key: ArrayPictures(image[a:b]) for key, (a, b) in spans.items()}
            return {**decoded, **self.missing}
        pictures: _Pictures = self.sources.open()
        if self.skip_bad:
            for index, (task, _) in enumerate(self.tasks):
                a, b = spans[key := (index, "train")]
                own = label[a:b]
                group = None if self.tables is None else np.asarray(self.tables.group_of)[own]
                pictures[key] = SubstitutePictures.of_labels(pictures[key], task.scenario, own, group=group)
        return pictures

    def _candidates(self, training: int) -> tuple[Candidates, float]:
        """The ``training`` rows that need not be read from their source, and the bytes of one such row."""
        per_row = float(self.row_bytes)
        if self.plan.mode == "features":
            return Candidates(None, UnavailablePictures(training)), per_row
        if self.plan.mode == "resident":
            return Candidates(None, ArrayPictures(self.store.get("image")[:training])), per_row
        rows = self.store.get("candidates.rows")
        if self.plan.store == "decoded":
            return Candidates(rows, ArrayPictures(self.store.get("candidates.image"))), per_row
        flat, offsets = self.store.get_many(["candidates.flat", "candidates.offsets"])
        per_row = self.row_bytes - self.decoded_bytes + len(flat) / max(1, len(rows))
        return Candidates(rows, EncodedPictures(flat, offsets, self.image_size)), per_row

    def _spec(self) -> InputSpec | ClassSpec:
        if not isinstance(self.spec, ClassSpec):
            return self.spec
        # A tensor cannot be read-only: each process has its own copy of this small one.
        return replace(self.spec, text=torch.from_numpy(self.store.get("text").copy()))

    def _questions(self) -> Questions | None:
        if self.tables is None:
            return None
        return Questions(*self.store.get_many([f"questions.{name}" for name in QUESTIONS]))

    def _array(self, name: str) -> np.ndarray | None:
        return self.store.get(name) if name in self.arrays else None
