"""Leaving a session, as far as that is possible without a Ray. No Ray is started."""

import threading
from types import SimpleNamespace

import pytest
import ray

from orchestrator.execution.ray_watch import RayLost
from orchestrator.execution.session import Session
from orchestrator.execution.session_request import SessionRequest
from orchestrator.storage.identity import Identity


@pytest.fixture
def session(tmp_path, monkeypatch):
    """One that shares a file and has one lane; ``asked``: what was asked of the Ray that has died."""
    found = Session(
        SessionRequest(
            tmp_path,
            Identity.new("", ""),
            SimpleNamespace(run=None),
            None,
            None,
            lanes=1,
            jobs=1,
            seeds=[0],
            largest_memory=0,
        ),
        lambda line: None,
    )
    found.asked, found.dispatcher = [], "the dispatcher"
    found._lanes = SimpleNamespace(alive=False, wait=lambda dispatcher: None)
    found._shared._store = SimpleNamespace(close=lambda delete: found.asked.append("store"))
    found._ray = SimpleNamespace(end=lambda: found.asked.append("ray"))
    found._ray_watch = SimpleNamespace(end=lambda: found.asked.append("watch"))
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "array").write_text("shared")
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    return found


def _lost(*_, **__):
    raise RayLost("it has died")


@pytest.mark.parametrize("during", ["drain", "wait"])
@pytest.mark.parametrize("why", [None, KeyboardInterrupt])
def test_where_ray_is_lost_as_a_session_is_left_nothing_more_is_asked_of_it(
    session, during, why, monkeypatch, tmp_path
):
    monkeypatch.setattr(session, "_drain", lambda: 1)
    monkeypatch.setattr(*((session, "_drain") if during == "drain" else (session._lanes, "wait")), _lost)
    with pytest.raises(RayLost):
        session.__exit__(why, None, None)
    assert session.asked == ["watch"], "its store and its end would be waited for"
    assert not (tmp_path / "shared").exists() and session._shared._store is None


@pytest.mark.parametrize("why", [None, ValueError])
def test_where_ray_is_lost_as_its_store_is_freed_the_disk_is_freed_all_the_same(
    session, why, monkeypatch, tmp_path
):
    monkeypatch.setattr(session, "_drain", lambda: 0)
    session._shared._store.close = _lost
    with pytest.raises(RayLost):
        session.__exit__(why, None, None)
    assert session.asked == ["watch"] and not (tmp_path / "shared").exists()


def test_where_ray_was_lost_before_it_is_asked_nothing(session, monkeypatch, tmp_path):
    monkeypatch.setattr(session, "_drain", lambda: session.asked.append("drain"))
    session.__exit__(RayLost, RayLost("it has died"), None)
    assert session.asked == ["watch"] and not (tmp_path / "shared").exists()


def test_where_ray_lives_the_store_is_freed_and_then_ray_is_ended(session, monkeypatch, tmp_path):
    monkeypatch.setattr(session, "_drain", lambda: 0)
    session.__exit__(None, None, None)
    assert session.asked == ["store", "watch", "ray", "watch"] and not (tmp_path / "shared").exists()


@pytest.mark.parametrize(("lanes", "ended"), [("none yet", True), ("ended", True), ("alive", False)])
def test_after_an_error_ray_is_ended_where_no_lane_may_ask_it_anything(session, lanes, ended):
    """Otherwise nothing more could be run in this process, from Python."""
    session._lanes = None if lanes == "none yet" else SimpleNamespace(alive=lanes == "alive")
    session.__exit__(ValueError, ValueError("8 workers do not fit"), None)
    assert session.asked == (["store", "watch", "ray", "watch"] if ended else ["store", "watch"])


def test_an_error_as_ray_is_ended_does_not_hide_the_error_that_ended_the_session(session):
    session._ray.end = lambda: 1 / 0
    session.__exit__(ValueError, ValueError("8 workers do not fit"), None)
    assert session.asked == ["store", "watch", "watch"]


def test_a_dispatcher_that_does_not_answer_ctrl_c_ends_no_thread_with_a_traceback(session, monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda given: raised.append(given.exc_value))
    monkeypatch.setattr(session, "_drain", lambda: 1 / 0)
    session.finish_tasks()
    session._finishing.join()
    assert raised == []
