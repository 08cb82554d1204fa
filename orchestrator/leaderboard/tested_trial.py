"""Reads a tested trial from the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..record.comparison.commit_of import commit_of
from ..record.comparison.finished_run import FinishedRun
from ..storage.run_files import TRIALS_FOLDER
from ..tracking.recorded_run import RecordedRun
from .recorded_value import recorded_value

_SEARCH = "search"  # the tag of a run whose values are a search's
_CONTENT = "data.content"


@dataclass(frozen=True)
class TestedTrial(FinishedRun):
    """A tested trial. It has no folder on this machine: ``folder`` is the path that it had.

    Attributes:
        recorded: The trial in the record.
        search: The identity of the sweep that chose its values; empty where none is recorded.
        given: Whether it is recorded that no search chose its values.
        parent: Its run.
    """

    __test__ = False  # it is no test, though pytest takes it for one by its name

    recorded: RecordedRun | None = None
    search: str = ""
    given: bool = False
    parent: RecordedRun | None = None

    @property
    def name(self) -> str:
        return f"{self.folder.parent.parent.name}/{self.folder.name}"

    @property
    def own(self) -> Mapping[str, str]:
        """The tags of its run."""
        return {} if self.parent is None else self.parent.tags

    @classmethod
    def of(cls, trial: RecordedRun, parent: RecordedRun, first: RecordedRun | None) -> TestedTrial:
        """The trial of a run.

        Args:
            trial: The trial, which has metrics on test data.
            parent: Its run.
            first: The run whose values it has: its own run, or, where this run continues others, the first of
                these. None: the record does not have that run.

        Raises:
            KeyError: The record lacks what tells the method, the stream or the seed.
        """
        config = {key: recorded_value(text) for key, text in trial.params.items() if key != "run.keep"}
        if lacking := {"method.name", "stream.name", "run.seed"} - set(config):
            raise KeyError(f"{trial.name}/{trial.trial}: the record has no {', '.join(sorted(lacking))}")
        kind = parent.tags.get("kind", "")
        split: dict[str, dict[str, float]] = {"test": {}, "validation": {}}
        for name, value in trial.metrics.items():
            if (there := split.get(name.partition("/")[0])) is not None:
                there[name] = value
        tags = {} if first is None else first.tags
        chosen = tags.get(_SEARCH, "").partition("/")[0]
        return cls(
            folder=Path(trial.name) / TRIALS_FOLDER / trial.trial,
            config=config,
            status=trial.tags.get("status", ""),
            tasks=[split["validation"]],
            test=split["test"],
            kind=kind,
            ended=trial.ended,
            commit=commit_of(trial.tags),
            content=trial.tags.get(_CONTENT, ""),
            arranged=trial.tags.get("data.identity", ""),
            recorded=trial,
            search=first.run if first is not None and tags.get("kind") == "sweep" else chosen,
            # earlier versions recorded neither
            given=tags.get("kind") == "train" and not chosen and _CONTENT in tags,
            parent=parent,
        )
