"""Calls of a trial's process to the dispatcher, where one of the two does not answer for a moment. No Ray is
started.
"""

from pathlib import Path

import pytest
import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError

from orchestrator.execution import calls
from orchestrator.execution.job import Outcome
from orchestrator.search import trainable
from orchestrator.search.result_keys import STATUS, TASK, TRIAL
from orchestrator.storage.identity import Identity


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
    values = {"method.x": 1, TRIAL: {"id": "trial_0001", "number": 0}}
    identity = Identity("r", "c", "s")
    given = {"base": {}, "folder": "/runs/s/trials", "storage": None, "identity": identity, "metric": "m"}
    trainable.run_trial(values, dispatcher=dispatcher, **given)
    return told


def test_a_trial_goes_on_through_a_moment_without_its_dispatcher(monkeypatch):
    dispatcher = _Actor(
        submit=[_away(), None],
        next_report=[
            ("report", {"m": 5.0, "other": 1.0}),
            _away(),
            ("wait", None),
            ("end", Outcome("finished")),
        ],
        answer=[_away(), None],
    )
    assert _run(dispatcher, monkeypatch) == [{"m": 5.0, TASK: 1, STATUS: "running"}]
    assert "stop" not in {method for method, *_ in dispatcher.asked}
    assert dispatcher.asked.count(("answer", "trial_0001", 1)) == 2, "asked once more, as it was away"
    (job,) = {repr(args[0]) for method, *args in dispatcher.asked if method == "submit"}
    stamp = Identity("r", "c", "s").stamp("trial_0001", {"method.x": 1})
    assert str(Path("/runs/s/trials/trial_0001")) in job and str(stamp) in job


@pytest.mark.parametrize(("error", "stopped"), [(SystemExit(0), True), (ConnectionError("lost"), False)])
def test_only_the_schedulers_stop_ends_the_job(monkeypatch, error, stopped):
    def raised(result):
        raise error

    dispatcher = _Actor(next_report=[("report", {"m": 5.0})])
    with pytest.raises(type(error)):
        _run(dispatcher, monkeypatch, raised)
    assert (("stop", "trial_0001") in dispatcher.asked) == stopped


@pytest.mark.parametrize("fatal", [False, True])
def test_a_failure_is_a_result_and_another_end_is_none(monkeypatch, fatal):
    failed = Outcome("failed", "loss term ita is nan", fatal=fatal)
    dispatcher = _Actor(next_report=[("report", {"m": 5.0}), ("end", failed)])
    told = _run(dispatcher, monkeypatch)
    assert told[1:] == [{TASK: 1, STATUS: "failed", "reason": "loss term ita is nan", "fatal": fatal}]
    for status in ("finished", "stopped", "interrupted"):
        assert _run(_Actor(next_report=[("end", Outcome(status))]), monkeypatch) == []
