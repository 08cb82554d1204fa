"""A stream whose arrays lie in shared memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from methods.method import ClassSpec, InputSpec

from ..streams.source import Pictures, Questions, QuestionTables
from ..streams.stream import Stream, TaskData


@dataclass(frozen=True)
class Candidates:
    """Training rows whose pictures lie in shared memory.

    Attributes:
        rows: int64 (n,), ascending; None for all training rows.
        pictures: ``pictures[i]`` belongs to ``rows[i]``.
    """

    rows: np.ndarray | None
    pictures: Pictures


class SharedStream(Stream):
    """A :class:`Stream` as a worker opens it.

    Args:
        name: As of :class:`Stream`.
        spec: As of :class:`Stream`.
        tasks: As of :class:`Stream`.
        augment: As of :class:`Stream`.
        skip_bad: As of :class:`Stream`.
        tokens: int32 (N, L), of all tasks' training rows.
        label: int32 (N,), of all tasks' training rows.
        candidates: The training rows that need not be read from their source: all of them, or those that may
            be replayed.
        bytes_per_row: The bytes of one such row in shared memory, with its tokens and label.
        image_size: As of :class:`Stream`.
        feature: float16 (N, ...), of all tasks' training rows, where a frozen encoder's features take the
            place of pictures or lie beside them.
        views: As of :class:`Stream`.
        herding: As of :class:`Stream`.
        origin: int64 (N,), each training row's number (``Stream.numbers``); None where rows are numbers.
        questions: The training rows' questions, in vqa.
        tables: As of :class:`Stream`.
    """

    def __init__(
        self,
        name: str,
        spec: InputSpec | ClassSpec,
        tasks: Sequence[TaskData],
        augment: str,
        skip_bad: bool,
        tokens: np.ndarray,
        label: np.ndarray,
        candidates: Candidates,
        bytes_per_row: float,
        *,
        image_size: int | None = None,
        feature: np.ndarray | None = None,
        views: np.ndarray | None = None,
        herding: np.ndarray | None = None,
        origin: np.ndarray | None = None,
        questions: Questions | None = None,
        tables: QuestionTables | None = None,
    ) -> None:
        super().__init__(name, spec, tasks, augment, skip_bad, image_size, tables)
        self.tokens = tokens
        self.label = label
        self.candidates = candidates
        self.bytes_per_row = bytes_per_row
        self.feature = feature
        self.views = views
        self.herding = herding
        self.origin = origin
        self.questions = questions
