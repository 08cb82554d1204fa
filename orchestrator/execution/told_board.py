"""Holds what the driver tells Tune's trials of the jobs that lanes do for them."""

from __future__ import annotations

import asyncio
from typing import Any


class ToldBoard:
    """The newest result of each trial for Tune, with the trial's status under ``status``."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Any]] = {}
        self._news = asyncio.Event()

    def tell(self, trial_id: str, result: dict[str, Any]) -> None:
        """Puts a trial's result in the place of the one before."""
        self._told[trial_id] = result
        self.wake()

    def wake(self) -> None:
        """Wakes the calls that wait for a result."""
        self._news.set()
        self._news = asyncio.Event()

    def newer(self, trial_id: str, task: int) -> dict[str, Any] | None:
        """The trial's result, where it has done more than ``task`` tasks or has ended; None: not yet."""
        told = self._told.get(trial_id)
        return told if told is not None and (told["task"] > task or told["status"] != "running") else None

    @property
    def news(self) -> asyncio.Event:
        """Set once any trial has been told something more."""
        return self._news
