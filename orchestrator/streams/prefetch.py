"""Does work in threads ahead of its consumer."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Prefetch(Generic[Item, Result]):
    """Iterates over ``work(item)`` in the order of ``items``, computed ahead by threads.

    Threads help where the work releases the interpreter lock (PIL, NumPy, file reads). An error of ``work``
    is raised where its result would come. :meth:`close`, the end and an error all stop the threads. A second
    iteration starts from the beginning of ``items`` if that can be iterated again.

    Attributes:
        waited: Seconds that the consumer waited for results, without the first result of each iteration.

    Args:
        work: Computes a result.
        items: Gives the items.
        threads: How many threads compute.
        depth: How many results they may be ahead.
        initializer: Called in each thread when it starts.
    """

    def __init__(
        self,
        work: Callable[[Item], Result],
        items: Callable[[], Iterable[Item]],
        *,
        threads: int,
        depth: int,
        initializer: Callable[[], None] | None = None,
    ) -> None:
        self._work = work
        self._items = items
        self._threads = threads
        self._depth = depth
        self._initializer = initializer
        self._running: Iterator[Result] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self.waited = 0.0

    def __iter__(self) -> Iterator[Result]:
        self.close()
        self._running = self._run()
        return self._running

    def _run(self) -> Iterator[Result]:
        items = iter(self._items())
        pool = self._pool = ThreadPoolExecutor(self._threads, "prefetch", self._initializer)
        ahead: deque[Future[Result]] = deque()
        first = wait = True
        try:
            ahead.extend(pool.submit(self._work, item) for item in itertools.islice(items, self._depth))
            while ahead:
                began = time.perf_counter()
                result = ahead.popleft().result()
                if not first:
                    self.waited += time.perf_counter() - began
                first = False
                ahead.extend(pool.submit(self._work, item) for item in itertools.islice(items, 1))
                yield result
        except GeneratorExit:
            wait = False
            raise
        finally:
            # The thread that collects an abandoned iteration must not wait. It may be any thread: one of the
            # pool, or one inside a lock of threading, which the ending threads need as well.
            pool.shutdown(wait=wait, cancel_futures=True)

    def close(self) -> None:
        """Stops the threads and drops what they prepared."""
        if self._running is not None:
            self._running.close()
            self._running = None
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
