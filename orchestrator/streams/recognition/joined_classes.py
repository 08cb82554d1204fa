"""Joins several streams into one, whose classes come one stream after another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..source import StreamSource, TaskSource


def joined_classes(parts: Sequence[StreamSource]) -> StreamSource:
    """The classes and tasks of the first part, then those of the second one, and so on.

    A part does not depend on the parts behind it. Its splits, its pictures' numbers and its classes' numbers
    stay the same, so that a stream to which a part is added keeps the tasks that it had.

    Args:
        parts: Streams of recognition that differ only in their classes. A single part is returned as it is.
    """
    first, *others = parts
    if not others:
        return first
    categories, ends, tasks = list(first.categories), list(first.number_ends), list(first.tasks)
    for part in others:
        tasks += [_moved(task, len(categories), ends[-1]) for task in part.tasks]
        ends += [ends[-1] + end for end in part.number_ends]
        categories += part.categories
    return replace(
        first,
        categories=categories,
        tasks=tasks,
        number_ends=tuple(ends),
        fingerprint=_digest([part.fingerprint for part in parts]),
        pictures_fingerprint=_digest([part.pictures_fingerprint for part in parts]),
    )


def _moved(task: TaskSource, classes: int, numbers: int) -> TaskSource:
    """The task behind so many ``classes`` and picture ``numbers``."""
    own = range(task.classes.start + classes, task.classes.stop + classes)
    splits = {
        name: replace(
            split,
            label=(split.label + classes).astype(np.int32),
            number=None if split.number is None else split.number + numbers,
        )
        for name, split in task.splits.items()
    }
    return TaskSource(f"{own.start + 1}-{own.stop}" if len(own) > 1 else str(own.stop), splits, own)


def _digest(parts: list[str | None]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
