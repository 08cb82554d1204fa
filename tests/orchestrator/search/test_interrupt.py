import signal

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
