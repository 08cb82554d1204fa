"""A stream without its test data: what a search's walk is given."""

from __future__ import annotations

import copy
from typing import NoReturn

from ..errors import UserError
from .stream import Split, Stream, TaskData

TEST_SPLITS = ("test", "query", "gallery")
"""The splits that the one look at test data reads, and nothing else."""


def without_test(stream: Stream) -> Stream:
    """Returns a stream whose tasks lack the splits :data:`TEST_SPLITS`; all else is the given stream's own.

    The tasks keep ``train`` and, where the stream has it, ``validation``. Whoever reads another split by name
    gets a :class:`~orchestrator.errors.UserError`.

    Args:
        stream: The whole stream. It stays as it is.
    """
    found = copy.copy(stream)
    found.tasks = [TaskData(data.task, _Splits(index, data)) for index, data in enumerate(stream.tasks)]
    return found


class _Splits(dict[str, Split]):
    """A task's splits without those of test data."""

    def __init__(self, index: int, data: TaskData) -> None:
        super().__init__({name: split for name, split in data.splits.items() if name not in TEST_SPLITS})
        self._task = index + 1

    def __missing__(self, name: str) -> NoReturn:
        allowed = " or ".join(self) or "none"
        raise UserError(
            f"split {name} of task {self._task} was read by a walk, allowed: {allowed}; test data is read "
            "once, by the evaluation after it"
        )
