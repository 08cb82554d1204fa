"""Records a run's stream, for a run that continues with more tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.run_files import TASKS_FILE
from .file_content import is_small
from .source import QuestionTables, StreamSource, TaskSource
from .task_digests import picture_files, task_digests

_FORMAT = 1
_ALIKE = (
    *("stream", "scenario", "image_size", "augment", "crop", "words"),
    *("templates", "regions", "matching", "held_out"),
)
_GROWING = {
    "categories": "the classes, categories or objects",
    "answers": "the answers that may be learnt",
    "kinds": "the kinds of question",
    "groups": "the object groups",
    "group_of": "the objects' groups",
}
_MORE = "stream.tasks, stream.task_names or stream.batches say so, or the data has them"


@dataclass(frozen=True)
class StreamRecord:
    """The tasks of a stream without their data.

    Attributes:
        facts: The facts that must be the same in a stream with more tasks, by name.
        lists: The lists that may grow at their end, by name: ``categories``, ``answers``, ``kinds``,
            ``groups`` and
            ``group_of``. Weights have rows by these numbers.
        names: The tasks' names.
        digests: The tasks' digests, as of :func:`~.task_digests.task_digests`.
        whole: Whether the digests cover the bytes of files.
    """

    facts: Mapping[str, Any]
    lists: Mapping[str, Sequence[str]]
    names: Sequence[str]
    digests: Sequence[str]
    whole: bool

    @classmethod
    def of(cls, source: StreamSource, whole: bool | None = None) -> StreamRecord:
        """The record of a stream.

        Args:
            source: The stream.
            whole: Whether the digests cover the bytes of files; None: where files are small.
        """
        if whole is None:
            whole = is_small(picture_files(source))
        names = [task.name for task in source.tasks]
        return cls(_facts(source), _lists(source), names, task_digests(source, whole), whole)

    @classmethod
    def read(cls, path: Path) -> StreamRecord:
        """The record in a file.

        Raises:
            UserError: The file has another content. The message is one line.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content.pop("format") != _FORMAT:
                raise ValueError("another format")
            record = cls(**content)
            record._check()
            return record
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"{path}: is no record of a stream ({error}); allowed: what the run wrote"
            ) from None

    def text(self) -> str:
        """The file's content."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False)

    def source(self) -> StreamSource:
        """The stream without its data: everything that decides a method's sizes, and tasks without splits.

        Raises:
            UserError: The record lacks a part of it. The message is one line.
        """
        try:
            return StreamSource(
                self.facts["stream"],
                self.facts["scenario"],
                self.facts["image_size"],
                tuple(self.lists["categories"]),
                [TaskSource(name, {}) for name in self.names],
                self.facts["augment"],
                "",
                templates=tuple(self.facts["templates"]),
                tables=self._tables() if self.facts["scenario"] == "vqa" else None,
                crop=self.facts["crop"],
                words=self.facts["words"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{TASKS_FILE}: is no record of a stream ({error!r}); allowed: what the run wrote"
            ) from None

    def _tables(self) -> QuestionTables:
        groups, regions = self.lists["groups"], self.facts["regions"]
        return QuestionTables(
            answers=tuple(self.lists["answers"]),
            vocabulary=len(self.lists["answers"]),
            kinds=tuple(self.lists["kinds"]),
            groups=tuple(groups),
            group_of=tuple(groups.index(name) for name in self.lists["group_of"]),
            held_out=self.facts["held_out"],
            regions=None if regions is None else (regions[0], regions[1]),
            matching=self.facts["matching"],
        )

    def check_grown(self, source: StreamSource, run: str) -> None:
        """Checks that a stream is this one with more tasks behind it.

        Args:
            source: The stream.
            run: The run's name, for the error.

        Raises:
            UserError: The stream is not. The message is one line.
        """
        facts, where = _facts(source), f"--continue {run}"
        for name in _ALIKE:
            if (was := self.facts.get(name)) != (now := facts.get(name)):
                raise UserError(f"{where}: the stream's {name} was {was!r} and is {now!r}; allowed: {was!r}")
        there = set(source.categories)
        if gone := [name for name in self.lists["categories"] if name not in there]:
            raise UserError(
                f"{where}: {_GROWING['categories']} had {gone[0]!r}, which is not there now; allowed: all "
                "that the run had, beside new ones"
            )
        count = len(self.names)
        for number, (was, task) in enumerate(zip(self.names, source.tasks, strict=False), 1):
            if was != task.name:
                raise UserError(
                    f"{where}: task {number} was {was!r} and would be {task.name!r}; allowed: an order "
                    "(stream.order) and a selection in which the trained tasks come first, as they came"
                )
        for name, what in _GROWING.items():
            self._check_list(name, what, _lists(source)[name], where)
        now = task_digests(source, self.whole)
        for number, (was, digest) in enumerate(zip(self.digests, now, strict=False), 1):
            if was != digest:
                raise UserError(
                    f"{where}: the data of task {number}, {self.names[number - 1]!r}, is not as the run read "
                    "it, and the memory's rows would be other samples; allowed: the trained tasks' data as "
                    "it was, beside what is new"
                )
        if len(source.tasks) <= count:
            tasks = "its one task" if count == 1 else f"its {count} tasks"
            raise UserError(f"{where}: the stream has no task beyond {tasks}; allowed: more ({_MORE})")

    def _check(self) -> None:
        """Raises :class:`ValueError` where a part is not as :meth:`of` makes it."""
        lists = self.lists if isinstance(self.lists, dict) else {}
        texts = (self.names, self.digests, *(lists.get(name) for name in _GROWING))
        if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in texts):
            raise ValueError("a list of texts is missing")
        if not isinstance(self.facts, dict) or type(self.whole) is not bool:
            raise ValueError("facts or whole is of another kind")
        if not len(self.names) == len(self.digests) > 0:
            raise ValueError(f"{len(self.names)} names and {len(self.digests)} digests")

    def _check_list(self, name: str, what: str, now: Sequence[str], where: str) -> None:
        was = self.lists[name]
        if list(now[: len(was)]) == list(was):
            return
        index = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), len(now))
        new = repr(now[index]) if index < len(now) else "nothing"
        fixed = (
            "a vocabulary of its own, vqa/trainval_ans2label.json, that numbers them"
            if name == "answers"
            else "new ones behind those of the trained tasks"
        )
        raise UserError(
            f"{where}: {what} have other numbers, {index} was {was[index]!r} and is {new}, and the weights "
            f"have a row for each; allowed: {fixed}"
        )


def _facts(source: StreamSource) -> dict[str, Any]:
    tables = source.tables
    asked: dict[str, Any] = {}
    if tables is not None:
        asked = {
            "regions": None if tables.regions is None else list(tables.regions),
            "matching": tables.matching,
            "held_out": tables.held_out,
        }
    return {
        "stream": source.name,
        "scenario": source.scenario,
        "image_size": source.image_size,
        "augment": source.augment,
        "crop": source.crop,
        "words": source.words,
        "templates": list(source.templates),
        **asked,
    }


def _lists(source: StreamSource) -> dict[str, list[str]]:
    tables = source.tables
    return {
        "categories": list(source.categories),
        "answers": [] if tables is None else list(tables.answers[: tables.vocabulary]),
        "kinds": [] if tables is None else list(tables.kinds),
        "groups": [] if tables is None else list(tables.groups),
        "group_of": [] if tables is None else [tables.groups[group] for group in tables.group_of],
    }
