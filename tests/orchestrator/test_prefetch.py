import threading

import pytest

from orchestrator.prefetch import Prefetch


def _prefetch_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_results_come_in_order_and_again():
    reading = Prefetch(lambda n: n * n, lambda: range(20), threads=3, depth=5)
    assert list(reading) == [n * n for n in range(20)]
    assert list(reading) == [n * n for n in range(20)]
    assert not _prefetch_threads()
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


def test_an_error_comes_in_its_place_and_stops_the_threads():
    def work(n):
        if n == 3:
            raise RuntimeError("row 3")
        return n

    found = []
    with pytest.raises(RuntimeError, match="row 3"):
        for n in Prefetch(work, lambda: range(10), threads=2, depth=4):
            found.append(n)
    assert found == [0, 1, 2]
    assert not _prefetch_threads()


def test_closing_stops_the_threads():
    reading = Prefetch(lambda n: n, lambda: range(100), threads=2, depth=4)
    walk = iter(reading)
    next(walk)
    assert _prefetch_threads()
    reading.close()
    assert not _prefetch_threads()
    with pytest.raises(StopIteration):
        next(walk)


def test_waiting_is_counted_after_the_first_result():
    release, first = threading.Event(), threading.Event()

    def work(n):
        if n == 0:
            first.wait(10)
        if n == 2:
            release.wait(10)
        return n

    reading = Prefetch(work, lambda: range(3), threads=2, depth=3)
    walk = iter(reading)
    threading.Timer(0.2, first.set).start()
    assert next(walk) == 0
    assert reading.waited == 0
    next(walk)
    threading.Timer(0.2, release.set).start()
    next(walk)
    assert reading.waited > 0.1
    reading.close()
