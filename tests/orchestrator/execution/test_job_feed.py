"""Jobs on their way to the lanes. No Ray is started."""

from types import SimpleNamespace

import pytest

from orchestrator.execution.job import Outcome
from orchestrator.execution.job_feed import JobFeed
from orchestrator.execution.session import Session

pytestmark = pytest.mark.unit


class Lanes:
    """A session whose jobs end in the order in which they were handed in, each after one report."""

    run, feed, drive, turn = Session.run, Session.feed, Session.drive, Session.turn

    def __init__(self, lanes):
        self.lanes, self.busy, self.most, self.begun, self.stopped = lanes, [], 0, [], []

    def tick(self):
        self.most = max(self.most, len(self.busy))

    def listener(self, on_report, on_end):
        lanes, own = self, {}

        class Listener:
            under_way = property(lambda self: list(own))

            def submit(self, job):
                own[job.id] = job
                lanes.busy.append(job.id)
                lanes.begun.append(job.id)

            def stop(self, job_id):
                lanes.stopped.append(job_id)

            def hear(self, timeout):
                lanes.most = max(lanes.most, len(lanes.busy))
                job = own.pop(next(name for name in lanes.busy if name in own))
                lanes.busy.remove(job.id)
                on_report(job, {"task": 1})
                on_end(job, Outcome("finished"))

        return Listener()


def jobs(names):
    return [SimpleNamespace(id=name) for name in names]


@pytest.mark.parametrize("lanes", [1, 2, 3, 9])
def test_as_many_run_at_once_as_there_are_lanes_whoever_brought_them(lanes):
    session, ended = Lanes(lanes), []
    feeds = [session.feed(jobs(n), on_end=lambda job, _: ended.append(job.id)) for n in ("abc", "de", "")]
    assert [feed.over for feed in feeds] == [False, False, True]
    session.drive(feeds)
    assert sorted(ended) == list("abcde") and session.most == min(lanes, 5)
    assert session.begun == list("abcde"), "an earlier run's jobs begin first"
    assert all(feed.over for feed in feeds)


def test_a_run_alone_is_told_of_starts_reports_and_ends():
    session, told = Lanes(2), []
    session.run(
        jobs("ab"),
        on_start=lambda job: told.append(("start", job.id)),
        on_report=lambda job, metrics: told.append((metrics["task"], job.id)),
        on_end=lambda job, outcome: told.append((outcome.status, job.id)),
    )
    assert told[:2] == [("start", "a"), ("start", "b")]
    assert sorted(map(str, told[2:])) == sorted(
        map(str, [(1, "a"), (1, "b"), ("finished", "a"), ("finished", "b")])
    )


def test_what_follows_from_a_job_begins_before_the_others():
    session = Lanes(1)
    follow = {"a": SimpleNamespace(id="a's test")}
    session.run(jobs("abc"), on_end=lambda job, _: follow.get(job.id))
    assert session.begun == ["a", "a's test", "b", "c"]


def test_a_run_that_does_not_go_on_stops_its_own_jobs_alone():
    session, broken = Lanes(3), []
    feeds = [
        session.feed(jobs("abcd"), on_end=lambda job, _: broken.append(job.id), go=lambda: not broken),
        session.feed(jobs("xy")),
    ]
    session.drive(feeds)
    assert session.begun == ["a", "b", "c", "x", "y"] and set(session.stopped) == {"b", "c"}
    assert all(isinstance(feed, JobFeed) and feed.over for feed in feeds)


def test_a_job_whose_start_could_not_be_written_down_is_not_handed_in():
    session, down = Lanes(2), []
    session.run(jobs("ab"), on_start=lambda job: down.append(job.id), go=lambda: not down)
    assert session.begun == [] and down == ["a"]


@pytest.mark.parametrize("when", ["on_start", "on_end"])
def test_a_run_whose_own_part_raises_is_not_over_and_another_that_has_ended_is(when):
    session = Lanes(3)

    def broken(*_):
        raise OSError

    feeds = [session.feed(jobs("x")), session.feed(jobs("a"), **{when: broken})]
    with pytest.raises(OSError):
        session.drive(feeds)
    assert not feeds[1].over and feeds[0].over == (when == "on_end")
