import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.search.interrupt import on_first_interrupt


def test_the_first_ctrl_c_is_a_request_and_the_second_an_interrupt_also_where_somebody_restores_the_handler():
    usual, asked = signal.getsignal(signal.SIGINT), []
    for restored in (False, True):
        with pytest.raises(KeyboardInterrupt), on_first_interrupt(lambda: asked.append(1)):
            found = signal.getsignal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            assert len(asked) == 1 + restored
            if restored:  # as Tune does when it winds down
                signal.signal(signal.SIGINT, found)
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is usual and len(asked) == 1 + restored


def test_a_block_inside_another_one_shares_its_first_ctrl_c_and_hears_of_one_that_came_before_it():
    asked, usual = [], signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), on_first_interrupt(lambda: asked.append("outer")):
        with on_first_interrupt(lambda: asked.append("over")):
            pass
        with on_first_interrupt(lambda: asked.append("inner")):
            signal.raise_signal(signal.SIGINT)
            assert asked == ["inner", "outer"]
        with on_first_interrupt(lambda: asked.append("late")):
            assert asked == ["inner", "outer", "late"]
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual and asked == ["inner", "outer", "late"]


def _in_a_thread(work):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def test_in_another_thread_a_block_takes_no_signal_and_shares_one_around_it():
    asked, usual = [], signal.getsignal(signal.SIGINT)

    def block():
        with on_first_interrupt(lambda: asked.append("inner")):
            return signal.getsignal(signal.SIGINT)

    assert _in_a_thread(block) is usual
    with on_first_interrupt(lambda: asked.append("outer")):
        signal.raise_signal(signal.SIGINT)
        assert _in_a_thread(block) is signal.getsignal(signal.SIGINT)
    assert asked == ["outer", "inner"]


def test_ctrl_c_that_is_ignored_around_a_block_is_ignored_inside_it_too():
    """As in the background of a script, where other signals still end the run."""
    asked, usual = [], signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with on_first_interrupt(lambda: asked.append(1)), on_first_interrupt(lambda: asked.append(2)):
            signal.raise_signal(signal.SIGINT)
            assert asked == []
            signal.getsignal(signal.SIGINT)(signal.SIGTERM, None)
            assert asked == [2, 1]
    finally:
        signal.signal(signal.SIGINT, usual)
