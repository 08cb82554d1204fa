"""Keeps one session that the runs of a study use, one after the other or together."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from ..execution.job_feed import JobFeed
from ..execution.session import Session
from ..execution.session_request import SessionRequest
from ..search.searches_beside import SearchesBeside
from ..storage.run_files import TOKENIZER_FOLDER

_AHEAD = 4
"""How many runs are open beyond the lanes, so that a free lane finds a job."""


class LentSession:
    """Opens a session when the first run asks for one, and lends it to each run that asks. Ray, the published
    stream and the warm lanes stay.

    Whatever ends a run early (Ctrl-C, an error, a lost Ray) ends the session as it would end a session of the
    run's own, before the run records what was finished. After an error no other session may begin in this
    process, since lanes, and Ray with them, may be left.

    Args:
        say: Prints a line of progress of the session itself.
        last_words: See :class:`~orchestrator.execution.ray_watch.RayWatch`; called after those of the runs
            that have the session.

    Attributes:
        broken: Whether an error ended the session, or kept it from beginning.
        interrupted: Whether a run was asked to end by Ctrl-C. Then no other one begins.
    """

    def __init__(
        self, say: Callable[[str], None], last_words: Callable[[str], None] = lambda line: None
    ) -> None:
        self.broken = False
        self.interrupted = False
        self._say = say
        self._last_words = [last_words]
        self._request: SessionRequest | None = None
        self._session: Session | None = None
        self._tokenizer: dict[str, bytes] = {}
        self._lent = 0
        self._next: deque[Callable[[], object]] = deque()
        self._feeds: list[JobFeed] = []
        self._error: BaseException | None = None
        self._raised: Exception | None = None  # in a search that began inside another one
        self._beside = SearchesBeside(self._lanes, self._begin_next)

    def __enter__(self) -> LentSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.__exit__(kind, *error)

    def ask(self, request: SessionRequest) -> None:
        """Prepares the session for the runs that come next.

        An open session is kept for the same pictures in another order. For other pictures it ends, and a new
        one will begin.

        Args:
            request: The request that serves all of them: a configuration with the frozen encoder that they
                share, the largest of their memories, and at least as many jobs as all of them have.

        Raises:
            UserError: The data to be shared do not fit.
        """
        before, self._request = self._request, request
        if self._session is None or before is None:
            return
        if before.identity.content != request.identity.content or self._tokenizer != _tokenizer(request):
            self.__exit__(None)
        elif before.identity.stream != request.identity.stream:
            with self._ending():
                self._session.switch(request)

    @contextmanager
    def lend(
        self, request: SessionRequest, say: Callable[[str], None], last_words: Callable[[str], None]
    ) -> Iterator[Session]:
        """Lends the session to a run.

        Args:
            request: The run's request.
            say: Takes a line of progress.
            last_words: See :class:`~orchestrator.execution.session.Session`.
        """
        inside = self._beside.depth > 0
        self._last_words.insert(-1, last_words)
        try:
            with self._beside.kept(), self._ending(stays=inside):
                session = self._opened()
                self._lent += 1
                session.scope = f"{self._lent}/"  # ids of trials are unique within one run only
                borrowed = _Borrowed(
                    session, request.lanes, self._with_others, self._finish_tasks, self._beside
                )
                yield cast(Session, borrowed)
                if inside and self.interrupted:
                    session.wait_for_lanes()  # the run records them, as if the session had ended
        finally:
            self._last_words.remove(last_words)
        if self.interrupted and not inside:
            self.__exit__(None)

    def together(self, runs: Iterable[Callable[[], object]]) -> None:
        """Lets runs use the session together, so that their jobs fill the lanes.

        A run that has handed in its jobs waits for them inside its own call. Meanwhile the next run is
        called; after a search, as soon as it leaves a lane without work
        (:class:`~orchestrator.search.searches_beside.SearchesBeside`). Therefore each run begins within the
        one before it, and ends before that one ends.

        Args:
            runs: Each runs one of the runs, to its end.

        Raises:
            Exception: A search that began inside another one raised it, the first of those that did. Those
                around it have ended as usual.
        """
        self._next, self._error = deque(runs), None
        while self._next and not self.interrupted:
            self._next.popleft()()
        if self._raised is not None:
            raise self._raised

    def _begin_next(self) -> None:
        """Runs the next search, from inside a step of those that are open."""
        if not self._next or self.interrupted:
            return
        try:
            self._next.popleft()()
        except Exception as error:  # noqa: BLE001 - Tune would take it for an error of the search around it
            self.cut_short(error)
            self._raised = self._raised or error  # the first may have led to the others
        if self._session is None and self._error is not None:
            raise self._error

    def _lanes(self) -> int:
        return 0 if self._session is None else self._session.lanes

    def _finish_tasks(self) -> None:
        """Stops all runs at their next task, whichever of them asks."""
        if self._session is not None and not self.interrupted:
            self.interrupted = True
            self._session.finish_tasks()

    def _with_others(self, own: JobFeed) -> None:
        """Runs the jobs of a run, and those of the runs that are called meanwhile. An error that ends one of
        them early also ends those that wait for it, except a run whose jobs have all ended.
        """
        assert self._session is not None
        self._feeds.append(own)
        try:
            while self._next and not own.over and len(self._feeds) < self._session.lanes + _AHEAD:
                self._session.turn(self._feeds, 0.0)
                self._next.popleft()()
                if self._error is not None and not own.over:
                    raise self._error
            if not own.over:
                self._session.drive(self._feeds)
        except BaseException as error:
            self.cut_short(error)
            raise
        finally:
            self._feeds.remove(own)

    def cut_short(self, error: BaseException) -> None:
        """Keeps :meth:`together` from calling another run. The runs that wait get ``error`` once the run that
        met it has returned.
        """
        self._error = error
        self._next.clear()

    def _opened(self) -> Session:
        assert self._request is not None
        if self._session is None:
            session = Session(self._request, say=self._say, last_words=self._tell_last)
            session.__enter__()
            self._session, self._tokenizer = session, _tokenizer(self._request)
        return self._session

    @contextmanager
    def _ending(self, *, stays: bool = False) -> Iterator[None]:
        """An error that ends the block early ends the session. It ``stays`` after an Exception in a search
        that began inside another one: that one goes on, and Tune asks Ray to clean up when it ends.
        """
        try:
            yield
        except BaseException as error:
            self.broken = self.broken or not isinstance(error, KeyboardInterrupt)
            self.cut_short(error)
            if not (stays and isinstance(error, Exception)):
                self.__exit__(*sys.exc_info())
            raise

    def _tell_last(self, line: str) -> None:
        words = list(self._last_words)
        try:
            for tell in words[:-1]:
                tell(line)
        finally:
            words[-1](line)


def _tokenizer(request: SessionRequest) -> dict[str, bytes]:
    """The files of the stream's tokenizer, which lanes have from their start."""
    return {path.name: path.read_bytes() for path in (request.folder / TOKENIZER_FOLDER).glob("*")}


class _Borrowed:
    """A session with no more lanes than its borrower asked for, and whose jobs run beside those of others."""

    def __init__(
        self,
        session: Session,
        lanes: int | None,
        run: Callable[[JobFeed], None],
        finish_tasks: Callable[[], None],
        beside: SearchesBeside,
    ) -> None:
        self._session = session
        self._lanes = lanes
        self._run = run
        self.finish_tasks = finish_tasks
        self.beside = beside

    @property
    def lanes(self) -> int:
        return min(self._session.lanes, self._lanes or self._session.lanes)

    def run(self, *jobs: Any, **how: Any) -> None:
        self._run(self._session.feed(*jobs, **how))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)
