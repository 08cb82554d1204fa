"""Calls of a trial's process to the dispatcher, where one of the two does not answer for a moment. No Ray is
started.
"""

import pytest
import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError

from orchestrator.execution import calls
from orchestrator.search import trainable
from orchestrator.search.result_keys import STATUS, TASK, TRIAL


class _Actor:
    """Answers as it is told: it raises an exception, and gives one answer of a list for each question."""

    def __init__(self, **answers):
        self.asked, self._answers = [], answers

    def __getattr__(self, method):
        return type("Method", (), {"remote": lambda _, *args: (self, method, args)})()

    def take(self, method, args):
        self.asked.append((method, *args))
        found = self._answers.get(method)
        found = found.pop(0) if isinstance(found, list) and found else found
        if isinstance(found, BaseException):
            raise found
        return found


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    monkeypatch.setattr(ray, "get", lambda asked: asked[0].take(*asked[1:]))
    monkeypatch.setattr(calls, "_PAUSES", (0, 0))


def _away():
    return ActorUnavailableError("the node is busy", b"0" * 16)


def test_an_actor_that_is_away_for_a_moment_is_asked_again_and_one_that_is_dead_is_not():
    actor = _Actor(standing=[_away(), _away(), "here"])
    assert calls.ask(actor, "standing", 1) == "here" and actor.asked == [("standing", 1)] * 3
    with pytest.raises(ActorUnavailableError):
        calls.ask(_Actor(standing=_away()), "standing")
    dead = _Actor(standing=ActorDiedError())
    with pytest.raises(ActorDiedError):
        calls.ask(dead, "standing")
    assert len(dead.asked) == 1


def _run(dispatcher, monkeypatch, report=lambda result: None):
    told = []
    monkeypatch.setattr(trainable.tune, "report", lambda result: (told.append(result), report(result)))
    trainable.run_trial(
        {"method.x": 1, TRIAL: {"id": "trial_0001", "number": 0}}, dispatcher=dispatcher, scope=""
    )
    return told


def _told(task, status="running", **more):
    return {TASK: task, STATUS: status, **more}


def test_a_trial_goes_on_through_a_moment_without_its_dispatcher(monkeypatch):
    dispatcher = _Actor(next_told=[_told(1, m=5.0), _away(), None, _told(2, "finished")])
    assert _run(dispatcher, monkeypatch) == [_told(1, m=5.0)]
    assert dispatcher.asked == [("next_told", "trial_0001", task) for task in (0, 1, 1, 1)]


@pytest.mark.parametrize("error", [SystemExit(0), ConnectionError("lost")])
def test_no_end_of_its_process_is_any_of_the_jobs(monkeypatch, error):
    def raised(result):
        raise error

    dispatcher = _Actor(next_told=[_told(1, m=5.0)])
    with pytest.raises(type(error)):
        _run(dispatcher, monkeypatch, raised)
    assert {method for method, *_ in dispatcher.asked} == {"next_told"}


def test_a_failure_is_a_result_and_another_end_is_none(monkeypatch):
    told = _run(_Actor(next_told=[_told(1, m=5.0), _told(1, "failed")]), monkeypatch)
    assert told == [_told(1, m=5.0), _told(1, "failed")]
    for status in ("finished", "stopped", "interrupted"):
        assert _run(_Actor(next_told=[_told(0, status)]), monkeypatch) == []
