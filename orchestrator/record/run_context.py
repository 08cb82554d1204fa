"""The objects that a run carries from its first line to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..config import RunConfig
from ..storage.identity import Identity
from ..storage.run_storage import RunStorage
from ..streams.source import StreamSource
from ..tracking.names import QUESTION
from .continues import Continues


@dataclass(frozen=True)
class RunContext:
    """One run: its folder, what it runs, and the functions that take its lines.

    Attributes:
        folder: The run's folder.
        identity: The run's identity.
        config: The configuration that all trials share.
        source: The stream.
        kept: Where the run is kept beside its folder; None: nowhere.
        seeds: The trials' seeds.
        say: Takes a line of progress.
        last: Takes the text with which the run ends.
        live: Takes in one line how far the run is, whenever that changes.
        concurrent: How many trials are asked to run at once; None: no number was given.
        at_most: Whether fewer are enough where no more fit.
        protocol: The name of the search's protocol, which says by which data it chooses; empty: there is no
            search.
        chosen: For a run without a search, the sweep's trial whose values it has, ``RUN/TRIAL``; empty: no
            such trial is known.
        budget: What a search's trials may spend, in the form of
            :attr:`~orchestrator.search.budget.Budget.text`; empty: it has a number of trials.
        points: How many points the search's space has; 0: no search, or no end of them.
        tags: Tags of the run in MLflow beside its own, name -> text.
        continues: The run whose tasks are the first ones of this run; None: there is none.
    """

    folder: Path
    identity: Identity
    config: RunConfig
    source: StreamSource
    kept: RunStorage | None
    seeds: tuple[int, ...]
    say: Callable[[str], None]
    last: Callable[[str], None] = lambda text: None
    live: Callable[[str], None] = lambda text: None
    concurrent: int | None = None
    at_most: bool = False
    protocol: str = ""
    chosen: str = ""
    budget: str = ""
    points: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    continues: Continues | None = None

    @property
    def question(self) -> str:
        """The question of the study that made the run; empty: none did, or it asks none."""
        return self.tags.get(QUESTION, "")

    @property
    def names(self) -> list[str]:
        """The tasks' names, in order."""
        return [task.name for task in self.source.tasks]
