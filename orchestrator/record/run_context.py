"""What a run carries from its first line to its last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..config import RunConfig
from ..storage.identity import Identity
from ..storage.run_storage import RunStorage
from ..streams.source import StreamSource


@dataclass(frozen=True)
class RunContext:
    """One run: where it lies, what it is of, and whom it tells.

    ``config`` is what all trials share. ``kept`` is where the run is kept beside its folder; None: nowhere.
    ``seeds`` are those of the trials. ``concurrent`` is the number of trials at once; None: as many as fit.
    With ``at_most`` fewer are taken where no more fit. ``say`` takes a line of progress. ``last`` takes the
    text with which the run ends.
    """

    folder: Path
    identity: Identity
    config: RunConfig
    source: StreamSource
    kept: RunStorage | None
    seeds: tuple[int, ...]
    say: Callable[[str], None]
    last: Callable[[str], None] = lambda text: None
    concurrent: int | None = None
    at_most: bool = False

    @property
    def names(self) -> list[str]:
        """The tasks' names, in order."""
        return [task.name for task in self.source.tasks]
