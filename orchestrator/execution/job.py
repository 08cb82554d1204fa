"""What a lane does, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..storage.url_folder import Storage


@dataclass(frozen=True)
class Job:
    """What a lane does next: ``train`` walks the stream, ``test`` looks at the test splits of a finished
    walk.

    The configuration is ``base`` (nested) with ``values`` (dotted keys). ``folder`` is the trial's own, on
    the driver's machine or shared; ``storage``: where its checkpoints and reports are kept in its place.
    ``stamp``: what its checkpoints are of, see :meth:`~orchestrator.storage.identity.Identity.stamp`.
    """

    id: str
    kind: Literal["train", "test"]
    base: dict[str, Any]
    values: dict[str, Any]
    folder: Path
    storage: Storage | None = None
    stamp: dict[str, str] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended. ``interrupted``: nobody waits for its end, it is gone on with another time.
    ``metrics``: what a ``test`` job found. ``fatal``: no other job would fare better (disk full). ``again``:
    the job may fare better another time (a neighbour held the GPU's memory).
    """

    status: Literal["finished", "stopped", "failed", "interrupted"]
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    fatal: bool = False
    again: bool = False
