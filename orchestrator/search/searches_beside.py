"""Searches that share one session's lanes, in one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_DEEPEST = 4
"""Searches that are open at once. The first one's result is written down once the last one has ended."""


class Stepped(Protocol):
    """A search whose loop can be stepped from inside a step of another search's loop.

    Attributes:
        lanes_wanted: How many lanes it keeps at work: as many as it may have trials at once, or as many as
            are under way where no other one can begin.
        settled: Whether all trials that it proposed have begun, so that it loses no time while the next
            search begins.
        over: Whether it has to end with its trials unfinished.
    """

    @property
    def lanes_wanted(self) -> int: ...

    @property
    def settled(self) -> bool: ...

    @property
    def over(self) -> bool: ...

    def step(self) -> None:
        """Does what there is to do now. It raises no Exception: another search would take it for its own."""

    def leave_lanes(self) -> None:
        """Stops its trials that are under way, since nobody hears of them any more. Where Ctrl-C came, all
        trials end at their next task anyway. It raises no Exception.
        """


class SearchesBeside:
    """Searches of which the next one begins as soon as the earlier ones leave a lane without work.

    Tune's loop holds the thread until its search has ended. The next search is run inside the last call of a
    step of that loop, and in turn steps the loop. Therefore each search begins inside the one before it, and
    ends before that one ends. What a search proposes depends on its own trials alone.

    Args:
        lanes: Returns how many lanes there are.
        begin_next: Runs the next search to its end, if there is one.
    """

    def __init__(self, lanes: Callable[[], int], begin_next: Callable[[], object]) -> None:
        self._lanes = lanes
        self._begin_next = begin_next
        self._open: list[Stepped] = []

    def look(self, search: Stepped) -> None:
        """Gives other searches their turn, at the end of each step of a search's loop.

        Args:
            search: The search whose loop it is.
        """
        if search not in self._open:
            self._open.append(search)
        if search is not self._open[-1]:
            return
        for earlier in self._open[:-1]:
            if not earlier.over:
                earlier.step()
            if earlier.over:
                earlier.leave_lanes()
        if self._idle and self.depth < _DEEPEST and all(one.settled and not one.over for one in self._open):
            self._begin_next()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A block inside which a search runs. Once the block has ended, so has the search. The lanes that an
        inner one may still hold are left to those around it, unless more than an Exception ended it.
        """
        depth = self.depth
        try:
            yield
        except Exception:
            self._leave_lanes(depth)
            raise
        else:
            self._leave_lanes(depth)
        finally:
            del self._open[depth:]

    def _leave_lanes(self, depth: int) -> None:
        for search in self._open[depth:] if depth else ():
            search.leave_lanes()

    @property
    def depth(self) -> int:
        """How many searches have begun and not ended."""
        return len(self._open)

    @property
    def others(self) -> bool:
        """Whether a search waits for one that began inside it, and has trials of its own."""
        return any(search.lanes_wanted for search in self._open[:-1])

    @property
    def _idle(self) -> bool:
        return sum(search.lanes_wanted for search in self._open) < self._lanes()
