"""What a stream's reader gives: pictures that can be read by row, captions as text, categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from methods.method import Scenario


class Pictures(Protocol):
    """Pictures of one split, read by row. Small to pickle: it travels to the workers that read from it."""

    def __len__(self) -> int: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3) in the order of ``rows``.

        Safe to call from several threads. :class:`~orchestrator.errors.BadRecord` names a picture that cannot
        be read.
        """


@dataclass(frozen=True)
class SplitSource:
    """One split of one task. All columns have the same length N.

    ``captions``: empty in recognition, which has none. ``label``: int32 (N,), index into the stream's
    ``categories``. ``ids``: the records' names in the data set.
    """

    pictures: Pictures
    captions: Sequence[str]
    label: np.ndarray
    ids: Sequence[str]


@dataclass(frozen=True)
class TaskSource:
    """One task. ``splits`` holds ``train``, ``validation``, ``test`` and, where multi-modal retrieval can be
    measured, ``query`` and ``gallery``. ``classes``: in recognition, the categories that the task adds.
    """

    name: str
    splits: dict[str, SplitSource]
    classes: range = range(0)


@dataclass(frozen=True)
class StreamSource:
    """An ordered list of tasks of one scenario, as its reader found it.

    ``image_size``: side S of the pictures that ``read`` returns. ``categories``: names; in recognition the
    class names, in any language, in the order in which the classes arrive. ``augment``: the training
    transform that suits it (see ``orchestrator.streams.augment``). ``fingerprint``: equal for equal content.
    ``skipped``: how many bad records ``--skip-bad`` left out, by reason. ``templates``: in recognition,
    prompts with one ``{}`` for the class name.
    """

    name: str
    scenario: Scenario
    image_size: int
    categories: Sequence[str]
    tasks: Sequence[TaskSource]
    augment: str
    fingerprint: str
    skipped: dict[str, int] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
