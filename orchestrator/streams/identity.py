"""Identifies what is read of a stream, with and without its order."""

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
    """The sha256, in hexadecimal digits, of all that a run takes from ``source``.

    It covers the stream's name and fingerprint (with the content of its pictures, see
    :func:`~orchestrator.streams.file_content.file_content`), its categories, prompts and tables; the tasks in
    their order and their splits; the id, label and caption of each record, in order, and in vqa its kind, its
    answers and their scores; and how many records were skipped, by reason. It does not cover where the data
    lies.

    A checkpointed memory is a list of row numbers. They mean the same records wherever the identity is the
    same.
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


def stream_content(source: StreamSource) -> str:
    """The sha256, in hexadecimal digits, of what ``source`` has, without the order of its classes and tasks.
    In VQACL's novel composition the first task decides what the others train on. There the choice of that
    task is part of it.

    It covers the stream's name, fingerprint, class names, prompts, and how many records were skipped. Runs
    whose streams differ in this are not averaged.
    """
    known = {
        "stream": source.name,
        "fingerprint": source.fingerprint,
        "categories": sorted(source.categories),
        "templates": list(source.templates),
        "skipped": dict(source.skipped),
    }
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


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
    # Captions are written in chunks, since a million at once would take their memory again.
    for start in range(0, len(texts), _CHUNK):
        _update(digest, list(texts[start : start + _CHUNK]))


def _update(digest: hashlib._Hash, *values: Any) -> None:
    # JSON shows where one text ends and the next one begins.
    digest.update(json.dumps(values, default=_plain).encode())


def _plain(value: Any) -> Any:
    """Converts values that JSON does not know: NumPy's numbers, and sequences that are no lists."""
    return value.item() if isinstance(value, np.generic) else list(value)
