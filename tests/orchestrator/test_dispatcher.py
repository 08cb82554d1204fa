import asyncio
from pathlib import Path

import pytest

from orchestrator import dispatcher as desk
from orchestrator.dispatcher import Dispatcher, Job, Outcome


def _job(name: str) -> Job:
    return Job(name, "train", {}, {}, Path(name))


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(desk, "_PATIENCE", 0.02)


def _run(story):
    asyncio.run(story(Dispatcher()))


def test_a_job_goes_from_trial_to_lane_and_its_reports_come_back():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        assert (await d.next(0))[1].id == "a"
        await d.report("a", {"task": 1, "x": 5.0})
        assert await d.next_report("a", 0) == ("report", {"task": 1, "x": 5.0})
        assert await d.verdict("a", 1) is None
        await d.answer("a", 1)
        assert await d.verdict("a", 1) is True
        await d.end(0, "a", Outcome("finished"))
        assert await d.next_report("a", 1) == ("end", Outcome("finished"))
        assert await d.drain() == 0
        assert await d.next(0) == ("end", None)

    _run(story)


def test_each_job_is_taken_by_one_lane_in_order():
    async def story(d):
        for name in "abc":
            await d.submit(_job(name))
        taken = [(await d.next(lane))[1].id for lane in (0, 1)]
        assert taken == ["a", "b"]
        assert (await d.next(0))[1].id == "a", "a lane is given its unfinished job again"
        await d.end(0, "a", Outcome("finished"))
        assert (await d.next(0))[1].id == "c"

    _run(story)


def test_a_restarted_job_may_repeat_its_reports_without_being_heard_twice():
    async def story(d):
        await d.submit(_job("a"))
        await d.next(0)
        for task in (1, 2, 1, 2, 3):
            await d.report("a", {"task": task})
        heard = [(await d.next_report("a", n))[1]["task"] for n in range(3)]
        assert heard == [1, 2, 3]
        assert (await d.next_report("a", 3))[0] == "wait"
        await d.submit(_job("a"))
        assert (await d.next_report("a", 0))[1] == {"task": 1}, "a restarted trial hears all from the start"

    _run(story)


def test_a_stopped_trial_stops_its_lane_at_the_task_boundary_or_before_it_starts():
    async def story(d):
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        await d.report("a", {"task": 1})
        await d.stop("a")
        assert await d.verdict("a", 1) is False
        await d.stop("b")
        assert await d.next_report("b", 0) == ("end", Outcome("stopped"))
        await d.end(0, "a", Outcome("stopped"))
        assert (await d.next(0))[0] == "wait"

    _run(story)


def test_a_job_that_brings_its_workers_down_twice_in_a_task_fails_with_what_was_seen():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        await d.join(0, 1.0)
        assert (await d.next(0))[1].id == "a", "once is forgiven"
        await d.report("a", {"task": 1})
        await d.join(0, 1.0)
        assert (await d.next(0))[1].id == "a", "another task, once"
        await d.note("a", "out of memory")
        await d.join(0, 1.0)
        kind, outcome = await d.next_report("a", 1)
        assert (kind, outcome.status) == ("end", "failed")
        assert outcome.reason == "its workers went down 2 times in task 2: out of memory"
        assert (await d.next(0))[1].id == "b", "the lane goes on"

    _run(story)


def test_with_the_last_lane_everything_that_waits_fails_and_says_why():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        await d.lane_died(0, "no GPU")
        for name in "ab":
            assert (await d.next_report(name, 0))[1].reason == "no GPU"
        await d.submit(_job("c"))
        assert "no GPU" in (await d.next_report("c", 0))[1].reason

    _run(story)


def test_workers_that_die_without_a_job_are_not_restarted_for_ever():
    async def story(d):
        await d.set_stream("stream")
        assert [await d.join(0, 1.0) for _ in range(6)][-1] == "end"
        assert "keep dying" in (await d.lanes())["dead"][0]

    _run(story)


def test_drained_lanes_finish_the_task_under_way_and_take_nothing_new():
    async def story(d):
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        await d.report("a", {"task": 1})
        assert await d.drain() == 1
        assert await d.verdict("a", 1) is False
        await d.end(0, "a", Outcome("stopped"))
        assert await d.next(0) == ("end", None)

    _run(story)
