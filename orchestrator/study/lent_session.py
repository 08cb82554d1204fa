"""One session that several runs use, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from ..execution.session import Session
from ..execution.session_request import SessionRequest


class LentSession:
    """Opens a session when the first run asks for one, and lends it to each run that asks: Ray, the published
    stream and the warm lanes stay.

    What ends a run early (Ctrl-C, an error, a Ray that is lost) ends the session as it would end a session of
    the run's own, before the run takes down what was finished.

    Args:
        request: What all runs need: a configuration with the frozen encoder that they share, the largest of
            their memories, and at least as many jobs as all of them have.
        say: Prints a line of progress of the session itself.
    """

    def __init__(self, request: SessionRequest, say: Callable[[str], None]) -> None:
        self._request = request
        self._say = say
        self._session: Session | None = None
        self._lent = 0
        self._last_words: Callable[[str], None] = lambda line: None

    def __enter__(self) -> LentSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(kind, *error)

    @contextmanager
    def lend(
        self, request: SessionRequest, say: Callable[[str], None], last_words: Callable[[str], None]
    ) -> Iterator[Session]:
        """Lends the session to a run; the arguments are those of
        :class:`~orchestrator.commands.sessions.Sessions`.
        """
        self._last_words = last_words
        if self._session is None:
            session = Session(self._request, say=self._say, last_words=lambda line: self._last_words(line))
            session.__enter__()
            self._session = session
        self._lent += 1
        self._session.scope = f"{self._lent}/"  # ids of trials are those of one run alone
        borrowed = _Borrowed(self._session, request.lanes)
        try:
            yield cast(Session, borrowed)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        finally:
            self._last_words = lambda line: None
        if borrowed.finishing:
            self.__exit__(None)


class _Borrowed:
    """A session with no more lanes than its borrower asked for."""

    def __init__(self, session: Session, lanes: int | None) -> None:
        self._session = session
        self._lanes = lanes
        self.finishing = False

    @property
    def lanes(self) -> int:
        return min(self._session.lanes, self._lanes or self._session.lanes)

    def finish_tasks(self) -> None:
        self.finishing = True
        self._session.finish_tasks()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
