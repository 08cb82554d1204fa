"""A dispatcher that died and was started again, empty. No Ray is started."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray.exceptions import ActorUnavailableError

from orchestrator.execution import calls, dispatcher_state
from orchestrator.execution.dispatcher import Dispatcher
from orchestrator.execution.job import Job, Outcome
from orchestrator.execution.job_listener import JobListener
from orchestrator.execution.session import Session
from orchestrator.execution.session_request import SessionRequest
from orchestrator.search import trainable
from orchestrator.search.result_keys import STATUS, TASK, TRIAL
from orchestrator.storage.identity import Identity


def _job(name):
    return Job(name, "train", {}, {}, Path(name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(dispatcher_state, "_PATIENCE", 0.02)
    monkeypatch.setattr(calls, "_PAUSES", (0, 0))


def test_a_lane_stops_at_its_task_boundary_joins_and_goes_on_from_there():
    async def story():
        first, second = Dispatcher(1), Dispatcher(1)
        await first.set_stream("packed")
        await first.join(0, "group", 1.0)
        await first.submit(_job("a"))
        assert await first.next(0, "group") == ("job", "a")
        await first.report(0, "group", "a", {"task": 1})
        # The first dies in the second task.
        await second.report(0, "group", "a", {"task": 2})
        assert await second.verdict(0, "group", "a", 2) is False, "so that the walk comes to an end"
        await second.end(0, "group", "a", Outcome("stopped"))
        assert await second.next(0, "group") == ("join", None)
        assert not await second.knows_stream() and await second.join(0, "group", 9.0) == "wait"
        await second.set_stream("packed")
        assert await second.knows_stream() and await second.stream(0) == "published"
        assert await second.next(0, "group") == ("wait", None)
        assert await second.next_report("a", 1) == ("unknown", None)
        await second.answer("a", 1)
        await second.submit(_job("a"), 1)
        assert await second.next(0, "group") == ("job", "a"), "and it is no crash of the job's"
        await second.report(0, "group", "a", {"task": 1})
        assert await second.verdict(0, "group", "a", 1) is True, (
            "the driver, which has heard it, says no more"
        )
        await second.report(0, "group", "a", {"task": 2})
        assert await second.verdict(0, "group", "a", 2) is None
        assert await second.next_report("a", 1) == ("report", {"task": 2}), "none is heard twice or left out"
        assert await second.next(0, "an older group") == ("end", None)

    asyncio.run(story())


def test_after_ctrl_c_what_is_unknown_is_at_its_end():
    async def story():
        second = Dispatcher(1)
        await second.drain()
        assert await second.next_report("a", 1) == ("end", Outcome("interrupted"))
        assert await second.next(0, "group") == ("end", None)

    asyncio.run(story())


class _Actor:
    """Answers as told, an answer a question; what is an exception is raised."""

    def __init__(self, **answers):
        self.asked, self._answers = [], answers

    def __getattr__(self, method):
        return SimpleNamespace(remote=lambda *args: (self, method, args))

    def take(self, method, args):
        self.asked.append((method, *args))
        found = self._answers.get(method)
        found = found.pop(0) if isinstance(found, list) else found
        if isinstance(found, BaseException):
            raise found
        return found


@pytest.fixture
def no_ray(monkeypatch):
    monkeypatch.setattr(ray, "get", lambda asked: asked[0].take(*asked[1:]))
    monkeypatch.setattr(ray, "wait", lambda asked, timeout: (asked[:1], asked[1:]))


def _away():
    return ActorUnavailableError("it is starting again", b"0" * 16)


def test_a_trial_of_tunes_is_told_on_by_the_one_that_is_back(no_ray, monkeypatch):
    told = []
    monkeypatch.setattr(trainable.tune, "report", told.append)
    first, second = ({"m": value, TASK: task, STATUS: "running"} for task, value in ((1, 5.0), (2, 6.0)))
    actor = _Actor(next_told=[first, _away(), None, second, {TASK: 2, STATUS: "finished"}])
    trainable.run_trial({"method.x": 1, TRIAL: {"id": "a", "number": 0}}, dispatcher=actor, scope="")
    assert told == [first, second]
    assert [args for method, *args in actor.asked] == [["a", 0], *[["a", 1]] * 3, ["a", 2]]


def _session(actor, tmp_path):
    identity, options = Identity.new("", ""), SimpleNamespace(run=None)
    said = []
    session = Session(
        SessionRequest(
            tmp_path,
            identity,
            options,
            None,
            None,
            lanes=1,
            jobs=1,
            seeds=[0],
            largest_memory=0,
        ),
        said.append,
    )
    session.dispatcher, session._lanes = actor, SimpleNamespace(count=1)
    session._shared.packed_stream = "packed"
    return session, said


def test_a_job_is_handed_in_again_with_what_it_was_answered_and_nothing_is_heard_twice(
    no_ray, monkeypatch, tmp_path
):
    actor = _Actor(
        next_report=[
            ("report", {"task": 1}),
            _away(),
            ("unknown", None),
            ("report", {"task": 2}),
            ("end", Outcome("finished")),
        ]
    )
    (session, _), heard, ended = _session(actor, tmp_path), [], []
    monkeypatch.setattr(session, "tick", lambda: None)
    session.run(
        [_job("a")],
        on_report=lambda _, metrics: heard.append(metrics["task"]),
        on_end=lambda _, outcome: ended.append(outcome.status),
    )
    assert heard == [1, 2] and ended == ["finished"]
    handed_in = [args for method, *args in actor.asked if method == "submit"]
    assert handed_in == [[_job("a"), 0], [_job("a"), 1]]
    assert [args for method, *args in actor.asked if method == "answer"] == [["a", 1], ["a", 2]]


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_driver_tells_it_of_lanes_and_stream_and_jobs_and_trials_once(no_ray, interrupted, tmp_path):
    actor = _Actor(knows_stream=[True, False, True], drain=0)
    session, said = _session(actor, tmp_path)
    session._finishing = object() if interrupted else None
    listener = session.listener(lambda *_: None, lambda *_: None)
    for name in ("a", "b"):
        listener.submit(_job(name))
        listener.tell(name, {TASK: 1, STATUS: "running"})
    listener.answer("a", 2, go=True)
    listener.untell("b")
    actor.asked.clear()
    for _ in range(3):
        session._keep_dispatcher()
    told = [asked for asked in actor.asked if asked[0] != "knows_stream"]
    assert told == [
        ("expect", 1),
        ("set_stream", "packed"),
        ("submit", _job("a"), 2),
        ("submit", _job("b"), 0),
        ("tell", "a", {TASK: 1, STATUS: "running"}),
        *([("drain",)] if interrupted else []),
    ]
    assert said == ["the dispatcher died and is back; the tasks under way begin again"]
    session._shared.packed_stream = None
    session._keep_dispatcher()
    assert len(actor.asked) == 3 + len(told), "before there is a stream nothing is missed"


def test_a_job_that_is_to_stop_is_not_heard_any_more(no_ray):
    actor = _Actor(next_report=[("report", {"task": 1})])
    heard = []
    listener = JobListener(actor, lambda _, metrics: heard.append(metrics), lambda *_: pytest.fail("heard"))
    listener.submit(_job("a"))
    listener.submit(_job("a"))
    assert listener.under_way == ["a"] and listener.hear(0.0) and listener.done == len(heard) == 1
    listener.answer("a", 1, go=False)
    assert listener.under_way == [] and not listener.hear(0.0)
    assert actor.asked[-1] == ("stop", "a")
    assert [method for method, *_ in actor.asked].count("submit") == 1, "a job is handed in once"
