import asyncio
from itertools import count
from pathlib import Path

import pytest

from orchestrator.execution import dispatcher_state, lane_calls, lane_table
from orchestrator.execution.dispatcher import Dispatcher
from orchestrator.execution.fair_share import SweepShare
from orchestrator.execution.job import Job, Outcome


def _job(name: str) -> Job:
    return Job(name, "train", {}, {}, Path(name))


class _Desk(Dispatcher):
    """A dispatcher whose lanes all speak as their present worker group."""

    def __init__(self, *args):
        super().__init__(*args)
        self._names = count()

    def _attempt(self, lane):
        return self._lanes[lane].attempt

    def _lane_of(self, job_id):
        (lane,) = [number for number, entry in self._lanes.lanes.items() if entry.job == job_id]
        return lane

    async def join(self, lane, seconds, nodes=()):
        return await super().join(lane, f"group {next(self._names)}", seconds, nodes)

    async def next(self, lane):
        return await super().next(lane, self._attempt(lane))

    async def report(self, job_id, metrics):
        lane = self._lane_of(job_id)
        await super().report(lane, self._attempt(lane), job_id, metrics)

    async def verdict(self, job_id, task):
        lane = self._lane_of(job_id)
        return await super().verdict(lane, self._attempt(lane), job_id, task)

    async def raised(self, job_id, rank, world, line, outcome):
        lane = self._lane_of(job_id)
        await super().raised(lane, self._attempt(lane), job_id, rank, world, line, outcome)

    async def end(self, lane, job_id, outcome):
        await super().end(lane, self._attempt(lane), job_id, outcome)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(dispatcher_state, "_PATIENCE", 0.02)
    monkeypatch.setattr(lane_calls, "_RANKS", 0.02)
    monkeypatch.setattr(lane_table, "_LOOK", 0.0)


def _run(story):
    asyncio.run(story(_Desk()))


def test_a_job_goes_from_trial_to_lane_and_its_reports_come_back():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        assert (await d.next(0))[1] == "a"
        assert await d.job("a") == _job("a"), "every rank takes it from the dispatcher, not from rank 0"
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


def test_a_lane_waits_for_the_stream_and_each_of_its_ranks_takes_it_from_the_dispatcher():
    async def story(d):
        assert await d.join(0, 1.0) == await d.stream(0) == "wait"
        await d.set_stream("a packed stream")
        assert await d.join(1, 1.0) == await d.stream(0) == "published"
        assert await d.published() == "a packed stream"
        await d.drain()
        assert await d.stream(0) == "end"

    _run(story)


def test_each_job_is_taken_by_one_lane_in_order():
    async def story(d):
        for name in "abc":
            await d.submit(_job(name))
        taken = [(await d.next(lane))[1] for lane in (0, 1)]
        assert taken == ["a", "b"]
        assert (await d.next(0))[1] == "a", "a lane is given its unfinished job again"
        await d.end(0, "a", Outcome("finished"))
        assert (await d.next(0))[1] == "c"

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
        assert (await d.next(0))[1] == "a", "once is forgiven"
        await d.report("a", {"task": 1})
        await d.join(0, 1.0)
        assert (await d.next(0))[1] == "a", "another task, once"
        await d.raised("a", 0, 2, "out of memory", Outcome("failed", "out of memory"))
        await d.join(0, 1.0)
        kind, outcome = await d.next_report("a", 1)
        assert (kind, outcome.status) == ("end", "failed")
        assert outcome.reason == "its workers went down 2 times in task 2: out of memory"
        assert (await d.next(0))[1] == "b", "the lane goes on"

    _run(story)


def test_a_lane_that_ends_unasked_begins_again_and_with_the_last_one_everything_fails():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        assert [await d.ended(0, "no GPU") for _ in range(3)] == ["again", "again", "over"]
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
        waiting = [asyncio.create_task(d.next_report(*job)) for job in (("a", 1), ("b", 0))]
        await asyncio.sleep(0)
        assert await d.drain() == 1
        assert await asyncio.gather(*waiting) == [("end", Outcome("interrupted"))] * 2, "at once"
        assert await d.next_report("a", 0) == ("report", {"task": 1})
        assert await d.verdict("a", 1) is False
        await d.end(0, "a", Outcome("stopped"))
        assert await d.next(0) == ("end", None)

    _run(story)


def test_a_job_goes_to_another_lane_when_the_node_of_its_own_is_gone():
    alive = {"one", "two"}

    async def story():
        d = _Desk(5, lambda: alive)
        await d.join(0, 1.0, ["one"])
        await d.join(1, 1.0, ["two", "one"])
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        assert [(await d.next(lane))[1] for lane in (0, 1)] == ["a", "b"]
        await d.end(0, "a", Outcome("finished"))
        assert (await d.next(0))[0] == "wait"
        alive.remove("two")
        assert (await d.next(0))[1] == "b"
        assert (await d.lanes())["states"] == {0: "up", 1: "starting"}
        # The lane comes back on another node, and holds nothing.
        alive.add("three")
        await d.join(1, 1.0, ["three"])
        assert (await d.next(1))[0] == "wait"
        await d.end(0, "b", Outcome("finished"))
        assert (await d.next_report("b", 0))[1].status == "finished"

    asyncio.run(story())


def test_a_node_that_goes_is_not_the_jobs_doing():
    alive = {"one", "two"}

    async def story():
        d = _Desk(1, lambda: alive)
        await d.submit(_job("a"))
        for node in ("one", "two", "three", "four"):
            alive.add(node)
            await d.join(0, 1.0, [node])
            assert (await d.next(0))[1] == "a"
            alive.remove(node)

    asyncio.run(story())


def test_lanes_that_no_job_needs_are_let_go_and_one_stays():
    async def story():
        d = _Desk(3)
        await d.expect(2)
        for lane in (0, 1):
            await d.join(lane, 1.0)
        for name in "abc":
            await d.submit(_job(name))
        assert [(await d.next(lane))[1] for lane in (0, 1)] == ["a", "b"]
        await d.end(0, "a", Outcome("finished"))
        assert (await d.next(0))[1] == "c"
        await d.end(1, "b", Outcome("finished"))
        assert await d.next(1) == ("end", None)
        assert await d.ended(1, "its Train run ended early") == "wait"
        await d.end(0, "c", Outcome("finished"))
        assert (await d.next(0))[0] == "wait"
        await d.submit(_job("test-a"))
        assert (await d.next(0))[1] == "test-a"
        await d.drain()
        assert await d.turn(1) == "over"

    asyncio.run(story())


def test_a_sweep_gives_up_a_lane_between_two_jobs_for_one_that_has_none_and_has_it_back():
    async def story():
        d = _Desk(9)
        await d.expect(2)
        for lane in (0, 1):
            await d.join(lane, 1.0)
            await d.submit(_job(str(lane)))
            await d.next(lane)
        await d.submit(_job("next"))
        assert await d.standing() == SweepShare(2, 0)
        await d.other_sweeps([SweepShare(0, 1)])
        await d.end(0, "0", Outcome("finished"))
        assert await d.next(0) == ("end", None)
        assert await d.ended(0, "") == "wait", "the other one has not got it yet"
        assert await d.standing() == SweepShare(1, 0)
        await d.other_sweeps([SweepShare(1, 1)])
        await d.end(1, "1", Outcome("finished"))
        assert (await d.next(1))[1] == "next", "both have one"
        assert await d.turn(0) == "wait"
        await d.other_sweeps([])
        assert await d.turn(0) == "again"

    asyncio.run(story())


def test_what_comes_from_a_worker_group_that_was_replaced_or_of_another_job_is_dropped():
    async def story():
        d = Dispatcher(9)
        await d.set_stream("stream")
        await d.join(0, "old", 1.0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        assert (await d.next(0, "old"))[1] == "a"
        await d.join(0, "new", 1.0)
        assert (await d.next(0, "new"))[1] == "a"
        await d.report(0, "old", "a", {"task": 1, "x": 1.0})
        assert await d.verdict(0, "old", "a", 1) is False, "the old group stops"
        await d.raised(0, "old", "a", 0, 1, "late", Outcome("failed", "late"))
        await d.end(0, "old", "a", Outcome("failed", "late"))
        assert await d.next(0, "old") == ("end", None)
        assert await d.next_report("a", 0) == ("wait", None)
        await d.report(0, "new", "a", {"task": 1, "x": 2.0})
        assert await d.next_report("a", 0) == ("report", {"task": 1, "x": 2.0})
        await d.end(0, "new", "a", Outcome("finished"))
        assert (await d.next(0, "new"))[1] == "b"
        await d.end(0, "new", "a", Outcome("finished"))  # its answer had been lost: it says so once more
        assert (await d.next(0, "new"))[1] == "b", "the end of another job is none of b's"
        assert await d.next_report("b", 0) == ("wait", None)

    asyncio.run(story())


def test_a_verdict_that_came_while_the_group_was_replaced_is_for_the_new_one(monkeypatch):
    monkeypatch.setattr(dispatcher_state, "_PATIENCE", 5.0)

    async def story():
        d = Dispatcher(5)
        await d.set_stream("stream")
        await d.join(0, "old", 1.0)
        await d.submit(_job("a"))
        await d.next(0, "old")
        await d.report(0, "old", "a", {"task": 1, "x": 1.0})
        asked = asyncio.create_task(d.verdict(0, "old", "a", 1))
        await asyncio.sleep(0)  # it waits
        await d.join(0, "new", 1.0)
        assert await d.next(0, "new") == ("job", "a")
        assert not asked.done()
        await d.answer("a", 1)
        assert await asked is False, "the old group stops"
        assert await d.verdict(0, "new", "a", 1) is True

    asyncio.run(story())


def test_a_question_that_is_asked_once_more_is_no_second_death():
    async def story():
        d = Dispatcher(9)
        await d.set_stream("stream")
        await d.submit(_job("a"))
        await d.join(0, "first", 1.0)
        await d.next(0, "first")
        for _ in range(4):
            assert await d.join(0, "second", 1.0) == "published"
        assert (await d.lanes())["joins"] == {0: 2}
        assert (await d.next(0, "second"))[1] == "a"

    asyncio.run(story())


def test_an_error_that_all_ranks_raise_alike_fails_the_job_at_once_and_one_of_a_single_rank_does_not():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        await d.next(0)
        said = [Outcome("failed", f"ValueError: bad shape (traceback {rank})") for rank in (0, 1)]
        await asyncio.gather(*(d.raised("a", r, 2, "bad shape", said[r]) for r in (1, 0)))
        assert await d.next_report("a", 0) == ("end", said[0])
        await d.join(0, 1.0)
        assert (await d.next(0))[1] == "b"
        for seen in (["peer is gone", "bad shape"], ["bad shape"]):
            said = [d.raised("b", r, 2, line, Outcome("failed", line)) for r, line in enumerate(seen)]
            await asyncio.gather(*said)
            assert await d.next_report("b", 0) == ("wait", None), seen
            if len(seen) == 2:
                await d.join(0, 1.0)

    _run(story)


def test_a_job_whose_gpu_a_neighbour_filled_is_tried_once_more():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        full = Outcome("failed", "CUDA out of memory", again=True)
        await d.next(0)
        await d.end(0, "a", full)
        assert (await d.next(0))[1] == "a"
        await d.end(0, "a", full)
        assert (await d.next_report("a", 0))[1].reason == "it was tried 2 times in task 1: CUDA out of memory"

    _run(story)


def test_a_job_of_which_a_rank_had_no_memory_each_time_is_infeasible_and_one_that_crashed_is_not():
    async def story(d):
        await d.join(0, 1.0)
        for name, lines in (("a", ["tried 1 GiB", "tried 2 GiB"]), ("b", ["peer is gone", "killed"])):
            await d.submit(_job(name))
            for _ in range(2):
                assert (await d.next(0))[1] == name
                full = [Outcome("failed", line, infeasible=name == "a") for line in lines]
                await asyncio.gather(*(d.raised(name, r, 2, lines[r], full[r]) for r in (0, 1)))
                await d.join(0, 1.0)
            kind, ended = await d.next_report(name, 0)
            assert (kind, ended.status, ended.infeasible) == ("end", "failed", name == "a")

    _run(story)


def test_workers_that_come_up_after_the_end_are_told_so():
    async def story(d):
        await d.join(0, 1.0)
        await d.submit(_job("a"))
        await d.next(0)
        await d.drain()
        assert await d.join(0, 1.0) == "end", "its task is not trained once more after Ctrl-C"

    _run(story)


def test_a_group_that_asks_twice_for_its_next_job_is_given_one():
    async def story():
        d = Dispatcher(9)
        await d.set_stream("stream")
        await d.join(0, "group", 1.0)
        asked = [asyncio.create_task(d.next(0, "group")) for _ in range(2)]
        await asyncio.sleep(0)
        await d.submit(_job("a"))
        await d.submit(_job("b"))
        assert [job_id for _, job_id in await asyncio.gather(*asked)] == ["a", "a"]
        await d.end(0, "group", "a", Outcome("finished"))
        assert (await d.next(0, "group"))[1] == "b"

    asyncio.run(story())


def test_what_is_said_twice_counts_once():
    async def story():
        d = Dispatcher(9)
        await d.set_stream("stream")
        await d.join(0, "group", 1.0)
        await d.submit(_job("a"))
        await d.next(0, "group")
        for _ in range(3):
            await d.end(0, "group", "a", Outcome("failed", "full", again=True), "once")
        assert (await d.next(0, "group"))[1] == "a" and await d.next_report("a", 0) == ("wait", None)
        assert [await d.ended(0, "no GPU", "its first end") for _ in range(5)] == ["again"] * 5
        assert (await d.lanes())["dead"] == {}
        assert await d.ended(0, "no GPU", "its second end") == "again"
        assert await d.ended(0, "no GPU", "its third end") == "over", "each was counted once"
        await d.refuse(0, "no driver")
        assert await d.join(0, "another", 1.0) == "end"
        assert (await d.lanes())["states"] == {0: "dead"}

    asyncio.run(story())


def test_what_one_rank_is_sure_of_or_that_no_job_can_mend_ends_the_job():
    async def story(d):
        await d.join(0, 1.0)
        for name in "acb":
            await d.submit(_job(name))
        await d.next(0)
        bad = Outcome("failed", "picture 7 is broken")
        await Dispatcher.raised(d, 0, d._attempt(0), "a", 1, 2, "picture 7 is broken", bad, True)
        assert await d.next_report("a", 0) == ("end", bad)
        await d.next(0)
        await Dispatcher.raised(d, 0, d._attempt(0), "c", 0, 2, "picture 7 is broken", bad, True)
        assert await d.next_report("c", 0) == ("end", bad)
        await d.next(0)
        down = Outcome("failed", "s3://x cannot be reached", fatal=True)
        await d.raised("b", 0, 2, "peer is gone", Outcome("failed", "peer is gone"))
        await d.raised("b", 1, 2, "cannot be reached", down)
        assert await d.next_report("b", 0) == ("end", down)

    _run(story)
