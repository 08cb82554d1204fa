"""Whether two readings of a stream are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from .source import SplitSource, StreamSource

_CHUNK = 4096


def stream_identity(source: StreamSource) -> str:
    """sha256, in hexadecimal digits, over all that a run takes from ``source``: its name, its fingerprint
    (with what its pictures hold, see :func:`~orchestrator.streams.file_content.file_content`), categories,
    prompts and tables; the tasks in their order, their splits, and of each record in its order the id, label,
    caption, and in vqa kind, answers and their worth; and how many records were skipped, by reason.

    A checkpointed memory is a list of row numbers: they mean the same records where the identity is the same.
    Where the data lies is no part of it.
    """
    digest = hashlib.sha256()
    tables = None if source.tables is None else asdict(source.tables)
    _update(digest, source.name, source.scenario, source.fingerprint, source.image_size, source.augment)
    _update(digest, list(source.categories), list(source.templates), tables, sorted(source.skipped.items()))
    for task in source.tasks:
        _update(digest, "task", task.name, [task.classes.start, task.classes.stop], list(task.groups))
        for name, split in task.splits.items():
            _update(digest, "split", name)
            _records(digest, split)
    return digest.hexdigest()


def _records(digest: hashlib._Hash, split: SplitSource) -> None:
    _texts(digest, split.ids)
    _texts(digest, split.captions)
    columns = [split.label]
    if split.questions is not None:
        columns += [split.questions.kind, split.questions.answer, split.questions.score]
    for column in columns:
        _update(digest, list(column.shape), str(column.dtype))
        digest.update(np.ascontiguousarray(column))


def _texts(digest: hashlib._Hash, texts: Sequence[str]) -> None:
    _update(digest, len(texts))
    # A million captions at once would be written out beside themselves.
    for start in range(0, len(texts), _CHUNK):
        _update(digest, list(texts[start : start + _CHUNK]))


def _update(digest: hashlib._Hash, *values: Any) -> None:
    # JSON tells where one text ends and the next begins.
    digest.update(json.dumps(values, default=_plain).encode())


def _plain(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers, and sequences that are no lists."""
    return value.item() if isinstance(value, np.generic) else list(value)
