"""Computes a digest of each task of a stream."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np

from ..errors import UserError
from .file_content import file_content
from .source import Pictures, Questions, QuestionTables, SplitSource, StreamSource, TaskSource

_READ = 8  # pictures of a split that count where no files are known
_CHUNK = 4096


def task_digests(source: StreamSource, whole: bool) -> list[str]:
    """The sha256 of each task, in hexadecimal digits. A task has the same digest in whatever stream it comes.

    It covers the task's name, how many classes it adds, its object groups and its splits. It covers each
    record's id, label and caption, and in vqa its kind and its answers with their scores. For pictures in
    files it covers the files, for pictures in arrays the arrays, and for all others the first eight of each
    split.

    Args:
        source: The stream.
        whole: Whether it covers the bytes of files; else it covers their sizes and times
            (:func:`~.file_content.file_content`).
    """
    return [_task(task, source.tables, whole) for task in source.tasks]


def picture_files(source: StreamSource) -> Iterable[str]:
    """The files of all pictures whose reader knows their files, each once."""
    splits = [split for task in source.tasks for split in task.splits.values()]
    return dict.fromkeys(path for split in splits for path in _paths(split.pictures))


def _task(task: TaskSource, tables: QuestionTables | None, whole: bool) -> str:
    digest = hashlib.sha256()
    _update(digest, task.name, len(task.classes), list(task.groups))
    files: dict[str, None] = {}
    for name, split in task.splits.items():
        _update(digest, "split", name, len(split.label))
        _records(digest, split, tables)
        if paths := _paths(split.pictures):
            files.update(dict.fromkeys(paths))
        else:
            _look(digest, split.pictures)
    digest.update(file_content(files, whole))
    return digest.hexdigest()


def _records(digest: hashlib._Hash, split: SplitSource, tables: QuestionTables | None) -> None:
    for texts in (split.ids, split.captions):
        # Captions are written in chunks, since a million at once would take their memory again.
        for start in range(0, len(texts), _CHUNK):
            _update(digest, [str(text) for text in texts[start : start + _CHUNK]])
    _array(digest, np.asarray(split.label, np.int64))
    if split.questions is not None and tables is not None:
        _questions(digest, split.questions, tables.answers)


def _questions(digest: hashlib._Hash, questions: Questions, answers: Sequence[str]) -> None:
    # Texts count, since an answer that only serves for comparison has another number where more can be
    # learnt. Empty columns do not count: all splits have as many columns as any question of the stream needs.
    known = [hashlib.sha256(answer.encode("utf-8", "surrogatepass")).digest()[:8] for answer in answers]
    text = np.array([int.from_bytes(one, "little") for one in known], np.uint64)
    there = questions.answer >= 0
    _array(digest, np.asarray(questions.kind, np.int64))
    _array(digest, np.asarray(there.sum(1), np.int64))
    _array(digest, text[questions.answer[there]])
    _array(digest, np.asarray(questions.score[there], np.float32))


def _paths(pictures: Pictures) -> list[str]:
    path = getattr(pictures, "path", None)
    return [path(row) for row in range(len(pictures))] if callable(path) else []


def _look(digest: hashlib._Hash, pictures: Pictures) -> None:
    array, scenes = getattr(pictures, "array", None), getattr(pictures, "scenes", None)
    if isinstance(array, np.ndarray):
        _array(digest, np.ascontiguousarray(array))
        return
    if scenes is not None and hasattr(scenes, "columns"):
        for column in scenes.columns():
            _array(digest, np.ascontiguousarray(column))
    try:
        _array(digest, np.ascontiguousarray(pictures.read(np.arange(min(len(pictures), _READ)))))
    except UserError:  # reading them would say so; a search may never read them
        digest.update(b"unreadable")


def _array(digest: hashlib._Hash, array: np.ndarray) -> None:
    digest.update(np.ascontiguousarray(array).data)


def _update(digest: hashlib._Hash, *values: object) -> None:
    digest.update(json.dumps(values).encode())
