import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from types import SimpleNamespace

import pytest

from orchestrator.streams import prefetch
from orchestrator.streams.prefetch import Prefetch


@pytest.fixture
def prefetch_threads():
    """The living threads that this test started. Another test's threads may still wait to be collected."""
    before = set(threading.enumerate())
    return lambda: [
        one for one in threading.enumerate() if one.name.startswith("prefetch") and one not in before
    ]


def test_results_come_in_order_and_again(prefetch_threads):
    reading = Prefetch(lambda n: n * n, lambda: range(20), threads=3, depth=5)
    assert list(reading) == [n * n for n in range(20)]
    assert list(reading) == [n * n for n in range(20)]
    assert not prefetch_threads()
    assert list(Prefetch(lambda n: n, lambda: [], threads=2, depth=2)) == []


def test_no_more_than_depth_results_wait():
    asked = []
    reading = iter(
        Prefetch(lambda n: n, lambda: (asked.append(n) or n for n in range(100)), threads=2, depth=4)
    )
    for taken in range(1, 11):
        next(reading)
        assert len(asked) == taken + 4
    reading.close()


def test_threads_work_while_the_consumer_does():
    reached = threading.Event()

    def work(n):
        if n == 2:
            reached.set()
        return n

    reading = iter(Prefetch(work, lambda: range(10), threads=1, depth=2))
    assert next(reading) == 0
    assert reached.wait(10)
    reading.close()


def test_an_error_comes_in_its_place_and_stops_the_threads(prefetch_threads):
    def work(n):
        if n == 3:
            raise RuntimeError("row 3")
        return n

    found = []
    with pytest.raises(RuntimeError, match="row 3"):
        for n in Prefetch(work, lambda: range(10), threads=2, depth=4):
            found.append(n)
    assert found == [0, 1, 2]
    assert not prefetch_threads()


def test_closing_stops_the_threads(prefetch_threads):
    reading = Prefetch(lambda n: n, lambda: range(100), threads=2, depth=4)
    walk = iter(reading)
    next(walk)
    assert prefetch_threads()
    reading.close()
    assert not prefetch_threads()
    with pytest.raises(StopIteration):
        next(walk)


def test_waiting_is_counted_after_the_first_result(monkeypatch):
    ticks = count()
    clock = SimpleNamespace(perf_counter=lambda: 10.0 * next(ticks) ** 2)
    monkeypatch.setattr(prefetch, "time", clock)
    reading = Prefetch(lambda n: n, lambda: range(4), threads=2, depth=3)
    walk = iter(reading)
    found = []
    for _ in range(4):
        next(walk)
        found.append(reading.waited)
    # Waits from 10 to 40, from 90 to 160 and from 250 to 360; the first is not looked at when it ends.
    assert found == [0, 30, 100, 210]
    reading.close()


def test_a_walk_that_begins_ends_the_one_before(prefetch_threads):
    reading = Prefetch(lambda n: n, lambda: range(100), threads=2, depth=4)
    first = iter(reading)
    next(first)
    second = iter(reading)
    assert next(second) == 0
    with pytest.raises(StopIteration):
        next(first)
    assert next(second) == 1
    reading.close()
    assert not prefetch_threads()


def test_what_has_not_begun_is_dropped_when_it_is_closed(monkeypatch):
    release, done = threading.Event(), []
    shutdown = ThreadPoolExecutor.shutdown

    def watched(self, wait=True, *, cancel_futures=False):
        shutdown(self, wait=False, cancel_futures=cancel_futures)
        release.set()
        shutdown(self, wait=wait)

    def work(n):
        if n:
            assert release.wait(60)
        done.append(n)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", watched)
    reading = Prefetch(work, lambda: range(100), threads=1, depth=6)
    next(iter(reading))
    reading.close()
    assert done in ([0], [0, 1])


def test_as_many_threads_as_said_work_at_once_and_each_begins_with_the_initializer():
    together, begun = threading.Barrier(3), []

    def work(n):
        together.wait(60)
        assert threading.current_thread() in begun
        return n

    reading = Prefetch(
        work,
        lambda: range(6),
        threads=3,
        depth=3,
        initializer=lambda: begun.append(threading.current_thread()),
    )
    assert list(reading) == list(range(6))
    assert len(set(begun)) == len(begun) == 3


def test_whoever_collects_a_walk_that_was_left_does_not_wait_for_its_threads():
    """It may be any thread, inside a lock that those threads need as they end: both would wait for ever."""
    working, go_on = threading.Event(), threading.Event()

    def work(n):
        if n == 1:
            working.set()
            go_on.wait(20)
        return n

    walk = iter(Prefetch(work, lambda: range(9), threads=1, depth=2))
    assert next(walk) == 0 and working.wait(10)
    left = [walk]
    left.append(left)  # which the collector alone takes away
    del walk, left
    late = threading.Timer(10, go_on.set)
    late.start()
    gc.collect()
    assert not go_on.is_set()
    late.cancel()
    go_on.set()
