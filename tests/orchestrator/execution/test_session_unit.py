"""What a session does beside Ray. No Ray is started."""

import gc
import weakref
from types import SimpleNamespace

import pytest

from orchestrator.execution import session as module
from orchestrator.execution.session import Session

pytestmark = pytest.mark.unit


class _Run:
    """Hears of its jobs, and holds a stream."""

    def heard(self, *_):
        pass


@pytest.fixture
def session(tmp_path):
    return Session(SimpleNamespace(folder=tmp_path, base=None, source=None), print)


def test_a_session_holds_no_run_that_is_over_and_counts_what_it_reported(session):
    """A study's runs have a stream each, by order: a session that held them would grow with the pairs."""
    held = []
    for _ in range(2):
        run = _Run()
        feed = session.feed([], on_report=run.heard, on_end=run.heard)
        feed._listener._on_report(None, {"task": 1})
        held.append((weakref.ref(run), weakref.ref(feed)))
        del run, feed
        gc.collect()
    assert [(run(), feed()) for run, feed in held] == [(None, None)] * 2
    assert session._heard == 2 and len(session._listeners) == 1


def test_a_dispatcher_that_came_back_is_told_what_runs_under_way_know(session, monkeypatch):
    told = []
    monkeypatch.setattr(module, "ask", lambda actor, method, *given: told.append((method, *given)))
    session._shared = SimpleNamespace(packed_stream="packed")
    first, second = (session.feed([], on_end=print) for _ in range(2))
    for name, feed in (("first", first), ("second", second)):
        monkeypatch.setattr(feed._listener, "tell_again", lambda name=name: told.append(name))
    session._keep_dispatcher()
    assert told == [("knows_stream",), ("expect", 0), ("set_stream", "packed"), "first", "second"]


def test_a_stream_that_takes_anothers_place_comes_with_what_the_dispatcher_may_have_forgotten(
    session, monkeypatch
):
    """It may have died meanwhile. Once it has the stream, nobody misses what it knew."""

    class Shared:
        def __init__(self, *_):
            pass

        def encode(self, here):
            told.append(("encode", here))

        def publish(self, size):
            return f"packed of {size}"

    told = []
    monkeypatch.setattr(module, "ask", lambda actor, method, *given: told.append((method, *given)))
    monkeypatch.setattr(module, "SharedStream", Shared)
    session._shared = SimpleNamespace(free=lambda lost: told.append("free"))
    session._lanes = SimpleNamespace(count=3, store_bytes=7)
    session.switch("request")
    assert told == ["free", ("encode", True), ("expect", 3), ("set_stream", "packed of 7")]
    assert session.request == "request"
