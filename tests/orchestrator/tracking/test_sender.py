"""The thread that sends a journal. No store is there."""

import threading
from types import SimpleNamespace

import pytest

from orchestrator.tracking.sender import Sender

pytestmark = pytest.mark.unit


class _Delivery:
    """To a store that cannot be reached until ``up`` is set."""

    def __init__(self):
        self.sent, self.lost, self.store = True, False, "store"
        self.up, self.arrived = False, False
        self.journal = SimpleNamespace(unsent=lambda store: not self.arrived, release=lambda: None)

    def pump(self):
        if not self.up:
            raise ConnectionError("no store")
        self.arrived = True

    def retry(self):
        pass


@pytest.fixture
def long_waits(monkeypatch):
    """Between two attempts an hour passes, unless something ends the wait. Set once a wait has begun."""
    begun = threading.Event()

    class Patient(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            begun.set()
            return super().wait_for(predicate, 3600)

    monkeypatch.setattr("orchestrator.tracking.sender.threading.Condition", Patient)
    return begun


def test_whoever_closes_waits_for_no_next_attempt(long_waits):
    delivery = _Delivery()
    sender = Sender(delivery)
    sender.begin()
    assert long_waits.wait(10)
    delivery.up = True  # the store came back meanwhile
    sender.close(10)
    assert delivery.arrived and sender.error is None
    assert not sender._thread.is_alive()


def test_whoever_closes_in_the_midst_of_an_attempt_waits_for_no_next_one(long_waits):
    delivery, under_way, closing = _Delivery(), threading.Event(), threading.Event()

    def pump():
        if not under_way.is_set():
            under_way.set()
            assert closing.wait(10)
            delivery.up = True  # right after this attempt
            raise ConnectionError("no store")
        delivery.arrived = True

    delivery.pump = pump
    sender = Sender(delivery)
    sender.begin()
    assert under_way.wait(10)
    threading.Timer(0.2, closing.set).start()  # once `close` has begun
    sender.close(10)
    assert delivery.arrived and not sender._thread.is_alive()


def test_whoever_leaves_ends_it_whatever_is_unsent(long_waits):
    delivery = _Delivery()
    sender = Sender(delivery)
    sender.begin()
    assert long_waits.wait(10)
    sender.close(0.2)
    sender._thread.join(10)
    assert not sender._thread.is_alive() and not delivery.arrived
    assert isinstance(sender.error, ConnectionError)
