"""A dispatcher that died and was started again, empty. No Ray is started."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from ray.exceptions import ActorUnavailableError

from orchestrator.execution import calls
from orchestrator.execution import dispatcher as desk
from orchestrator.execution.dispatcher import Dispatcher
from orchestrator.execution.job import Job, Outcome
from orchestrator.execution.session import Session
from orchestrator.search import trainable, tune_callback
from orchestrator.search.result_keys import STATUS, TASK, TRIAL
from orchestrator.search.tune_callback import TuneCallback
from orchestrator.storage.identity import Identity


def _job(name):
    return Job(name, "train", {}, {}, Path(name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(desk, "_PATIENCE", 0.02)
    monkeypatch.setattr(calls, "_PAUSES", (0, 0))


def test_a_lane_stops_at_its_task_boundary_joins_and_goes_on_from_there():
    async def story():
        first, second = Dispatcher(1), Dispatcher(1)
        await first.set_stream("parcel")
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
        await second.set_stream("parcel")
        assert await second.knows_stream() and await second.stream(0) == "published"
        assert await second.next(0, "group") == ("wait", None)
        assert await second.next_report("a", 1) == ("unknown", None)
        await second.answer("a", 1)
        await second.submit(_job("a"))
        assert await second.next(0, "group") == ("job", "a"), "and it is no crash of the job's"
        for task in (1, 2):
            await second.report(0, "group", "a", {"task": task})
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


def test_a_trial_hands_in_its_job_again_and_reports_nothing_twice(no_ray, monkeypatch):
    told = []
    monkeypatch.setattr(trainable.tune, "report", told.append)
    actor = _Actor(
        next_report=[
            ("report", {"m": 5.0}),
            _away(),
            ("unknown", None),
            ("wait", None),
            ("report", {"m": 6.0}),
            ("end", Outcome("finished")),
        ]
    )
    given = {"base": {}, "folder": "/r/trials", "storage": None, "identity": Identity("r", "c", "s")}
    values = {"method.x": 1, TRIAL: {"id": "a", "number": 0}}
    trainable.run_trial(values, dispatcher=actor, metric="m", **given)
    assert told == [{"m": value, TASK: task, STATUS: "running"} for task, value in ((1, 5.0), (2, 6.0))]
    handed_in = [args[0] for method, *args in actor.asked if method == "submit"]
    assert len(handed_in) == 2 and handed_in[0] == handed_in[1]
    assert [args for method, *args in actor.asked if method == "next_report"][-2:] == [["a", 1], ["a", 2]]


def _session(actor):
    session = Session.__new__(Session)
    session.dispatcher, session.lanes = actor, 1
    session._parcel, session._finishing, session._said, session._done = "parcel", None, [], 0
    session._say = session._said.append
    return session


def test_a_run_without_a_search_hands_in_its_job_again_as_well(no_ray, monkeypatch):
    actor = _Actor(
        next_report=[
            ("report", {"task": 1}),
            _away(),
            ("unknown", None),
            ("report", {"task": 2}),
            ("end", Outcome("finished")),
        ]
    )
    session, heard, ended = _session(actor), [], []
    monkeypatch.setattr(session, "tick", lambda: None)
    session.run(
        [_job("a")],
        on_report=lambda _, metrics: heard.append(metrics["task"]),
        on_end=lambda _, outcome: ended.append(outcome.status),
    )
    assert heard == [1, 2] and ended == ["finished"]
    assert [args for method, *args in actor.asked if method == "submit"] == [[_job("a")]] * 2


@pytest.mark.parametrize("interrupted", [False, True])
def test_the_driver_tells_it_of_lanes_and_stream_once(no_ray, interrupted):
    actor = _Actor(knows_stream=[True, False, True], drain=0)
    session = _session(actor)
    session._finishing = object() if interrupted else None
    for _ in range(3):
        session._keep_desk()
    told = [asked for asked in actor.asked if asked[0] != "knows_stream"]
    assert told == [("expect", 1), ("set_stream", "parcel"), *([("drain",)] if interrupted else [])]
    assert session._said == ["the dispatcher died and is back; the tasks under way begin again"]
    session._parcel = None
    session._keep_desk()
    assert len(actor.asked) == 3 + len(told), "before there is a stream nothing is missed"


def test_a_report_that_died_with_it_is_taken_from_the_trials_folder(no_ray, monkeypatch):
    actor = _Actor(next_report=[("unknown", None), ("wait", None), ("report", {"task": 1})])
    session, told = _session(actor), []
    watch = SimpleNamespace(
        report_of=session.report_of,
        find=lambda name: told.append(("found", name)),
        task=lambda name, report: told.append((name, report)),
        safely=lambda call, *args: call(*args),
        fatal="",
    )
    monkeypatch.setitem(TuneCallback.watches, "/r", watch)
    one = SimpleNamespace(config={TRIAL: {"id": "a"}})
    for _ in range(3):
        tune_callback.TuneCallback("/r").on_trial_result(0, [], one, {TASK: 1, STATUS: "running"})
    assert told == [("found", "a"), ("found", "a"), ("a", {"task": 1})]
