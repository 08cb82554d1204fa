"""A stream as training sees it: captions as token rows, global row numbers, and pictures from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from methods.method import ClassSpec, InputSpec, Task

from .source import Pictures, Questions, QuestionTables


@dataclass(frozen=True)
class Split:
    """One split of one task. Arrays may be read-only views of shared memory.

    Attributes:
        pictures: The pictures.
        tokens: int32 (N, L); L = 0 without captions.
        label: int32 (N,).
        feature: The features that a frozen image encoder gives for the pictures without augmentation: float16
            (N, D), unit rows, which are read instead of the pictures. With two frozen towers it is float16
            (N, 2, D), of picture and text. Where ``beside`` is true it is float16 (N, 3, D), the prompt-free
            queries of picture, question and both, which are read beside the pictures. None where nothing was
            encoded.
        beside: Whether ``feature`` is read beside the pictures, and not instead of them.
        number: int64 (N,), see :class:`~orchestrator.streams.source.SplitSource`.
        record: int64 (N,), for query and gallery splits. Equal numbers are the same record of the data set,
            so that a query is recognised where it lies in the gallery itself.
        questions: The data of the questions, in vqa.
    """

    pictures: Pictures
    tokens: np.ndarray
    label: np.ndarray
    record: np.ndarray | None = None
    feature: np.ndarray | None = None
    questions: Questions | None = None
    beside: bool = False
    number: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True)
class TaskData:
    """A task and its splits (``train``, ``test``, and perhaps ``validation``, ``query`` and ``gallery``)."""

    task: Task
    splits: dict[str, Split]


class Stream:
    """An ordered list of tasks.

    The training rows of all tasks are numbered through, task by task, from 0. A replay memory is a list of
    such global rows.

    Attributes:
        image_size: The side of the pictures, in pixels.
        augment: The name of the training transform.
        skip_bad: Whether a picture that cannot be read is replaced and counted, instead of being an error.
        views: float16 (N, V, D), by global training row: a frozen image encoder's features of V augmented
            views of each picture. None where nothing was encoded, or where the transform leaves pictures as
            they are.
        herding: int32 (N,), by global training row: the row's rank, from 0, in its class's herding order
            under the frozen features. None where ``views`` is None.
        tables: In vqa, the answers, kinds and objects of the questions.
        cut: How many captions are longer than their row of tokens, by task index and split, where there are
            any.
    """

    views: np.ndarray | None = None
    herding: np.ndarray | None = None
    cut: Mapping[tuple[int, str], int] = MappingProxyType({})

    def __init__(
        self,
        name: str,
        spec: InputSpec | ClassSpec,
        tasks: Sequence[TaskData],
        augment: str,
        skip_bad: bool = False,
        image_size: int | None = None,
        tables: QuestionTables | None = None,
    ) -> None:
        self.name = name
        self.spec = spec
        self.image_size = spec.image_size if image_size is None else image_size
        self.scenario = tasks[0].task.scenario
        self.tasks = list(tasks)
        self.augment = augment
        self.skip_bad = skip_bad
        self.tables = tables
        sizes = [len(t.splits["train"]) for t in self.tasks]
        self.starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        """(T + 1,): task t owns global training rows starts[t] .. starts[t + 1] - 1."""

    @property
    def holds_out(self) -> bool:
        """Whether each task has a validation split."""
        return all("validation" in data.splits for data in self.tasks)

    @property
    def features_only(self) -> bool:
        """Whether features take the place of pictures."""
        first = self.tasks[0].splits["train"]
        return first.feature is not None and not first.beside

    @property
    def picture(self) -> tuple[tuple[int, ...], type[np.generic]]:
        """The shape and type of one picture as it is read: pixels, or regions with their boxes."""
        if self.tables is None or self.tables.regions is None:
            return (self.image_size, self.image_size, 3), np.uint8
        regions, width = self.tables.regions
        return (regions, width + 4), np.float32

    @property
    def numbers(self) -> np.ndarray:
        """The numbers from which the views of each global training row are drawn, int64 (N,): the row's
        number, or the row itself where the stream has no numbers.
        """
        splits = [task.splits["train"] for task in self.tasks]
        numbers = [split.number for split in splits if split.number is not None]
        whole = len(numbers) == len(splits)
        return np.concatenate(numbers) if whole else np.arange(self.starts[-1], dtype=np.int64)

    def group_of(self, labels: np.ndarray) -> np.ndarray:
        """The object group of each label, in vqa."""
        return np.asarray(self.tables.group_of)[labels]

    def train_rows(self, task: int) -> np.ndarray:
        """The global training rows of a task, int64, ascending."""
        return np.arange(self.starts[task], self.starts[task + 1], dtype=np.int64)

    def task_of(self, rows: np.ndarray) -> np.ndarray:
        """The task index of each global training row."""
        return np.searchsorted(self.starts, rows, side="right") - 1
