"""A lane's work, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..storage.url_folder import Storage


@dataclass(frozen=True)
class Job:
    """A lane's next work. Its configuration is ``base`` with ``values``.

    Attributes:
        id: The job's id.
        kind: ``train`` walks the stream; ``test`` evaluates a finished walk on the test splits.
        base: The configuration, nested.
        values: The trial's values, by dotted keys.
        folder: The trial's own folder, on the driver's machine or shared.
        storage: Where its checkpoints and reports are kept instead; None: in ``folder``.
        stamp: What its checkpoints carry, see :meth:`~orchestrator.storage.identity.Identity.stamp`.
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
    """How a job ended.

    Attributes:
        status: ``interrupted`` means that the job was given up before its end, and is resumed another time.
        reason: Why the job failed.
        metrics: The metrics that a ``test`` job measured.
        fatal: Whether every other job would fail as well, for instance because the disk is full.
        again: Whether the job may succeed another time, for instance because a neighbour held the GPU's
            memory.
        infeasible: Whether the job's own values made it fail: its training diverged, or it needs more memory
            than there is. It would fail again, and near values may fail too.
    """

    status: Literal["finished", "stopped", "failed", "interrupted"]
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    fatal: bool = False
    again: bool = False
    infeasible: bool = False
