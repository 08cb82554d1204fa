"""What a session is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config import RunConfig
from ..storage.identity import Identity
from ..streams.source import StreamSource
from ..streams.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class SessionRequest:
    """The request for a session.

    Attributes:
        folder: The run's folder.
        identity: The run's identity, by which its shared arrays are known on a cluster.
        base: The configuration that all jobs share.
        source: The stream; see :class:`~orchestrator.execution.shared_stream.SharedStream`.
        tokenizer: The stream's tokenizer; None where the pictures have no texts (recognition).
        jobs: How many jobs are to come.
        seeds: The jobs' seeds.
        largest_memory: The largest replay memory, in samples, that any job may ask for.
        lanes: How many lanes to start; None: as many as fit.
        at_most: Whether fewer lanes are enough where no more fit.
        follow_ups: How many more jobs follow at once from the ends of these.
    """

    folder: Path
    identity: Identity
    base: RunConfig
    source: StreamSource
    tokenizer: Tokenizer | None
    jobs: int
    seeds: Sequence[int]
    largest_memory: int
    lanes: int | None = None
    at_most: bool = False
    follow_ups: int = 0
