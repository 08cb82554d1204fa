"""One of the best trials of a search, which is run with every pair before one of them is chosen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One of the best trials of a search.

    Attributes:
        trial: The trial's id.
        config: The sha256 of the trial's configuration, as the search found it.
        score: Its objective on validation data in the search.
    """

    trial: str
    config: str
    score: float
