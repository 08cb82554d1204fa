"""The type of what opens a run's session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ..execution.session import Session
from ..execution.session_request import SessionRequest


class Sessions(Protocol):
    """Opens the session in which a run's jobs run: one of its own (``Session`` itself), or one that several
    runs share.
    """

    def __call__(
        self, request: SessionRequest, say: Callable[[str], None], last_words: Callable[[str], None]
    ) -> AbstractContextManager[Session]:
        """Opens it.

        Args:
            request: The run's request.
            say: Takes a line of progress.
            last_words: See :class:`~orchestrator.execution.session.Session`.
        """
