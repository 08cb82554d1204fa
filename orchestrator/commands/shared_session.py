"""The session that a sweep shares with the reference runs beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..execution.session import Session
from ..execution.session_request import SessionRequest
from .lent_session import LentSession


class SharedSession:
    """A context in which a sweep and the references beside it have one session: Ray, the published stream and
    the warm lanes. It begins once one of them has work for it.

    Args:
        folder: The sweep's folder.
        request: Makes the request that serves all of them.
        say: Takes a line of progress.
        last_words: See :class:`~orchestrator.execution.ray_watch.RayWatch`; the sweep's.

    Attributes:
        lent: The session.
    """

    def __init__(
        self,
        folder: Path,
        request: Callable[[], SessionRequest],
        say: Callable[[str], None],
        last_words: Callable[[str], None],
    ) -> None:
        self.lent = LentSession(say, last_words)
        self._folder = folder
        self._request = request
        self._asked = False

    def __enter__(self) -> SharedSession:
        self.lent.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.lent.__exit__(kind, *error)

    @contextmanager
    def lend(
        self, request: SessionRequest, say: Callable[[str], None], last_words: Callable[[str], None]
    ) -> Iterator[Session]:
        """Lends it to the sweep, or to a reference.

        Args:
            request: The run's request.
            say: Takes a line of progress.
            last_words: The run's. Those of the sweep are the session's, which are told in any case.

        Raises:
            UserError: The data to be shared do not fit, or the session cannot begin.
        """
        if not self._asked:
            self.lent.ask(self._request())
            self._asked = True
        own = request.folder == self._folder
        with self.lent.lend(request, say, _nobody if own else last_words) as session:
            session.beside = None  # no other search steps the loop of this one
            yield session


def _nobody(line: str) -> None:
    """Takes a line that nobody wants."""
