"""A session that several runs have, one after the other or together. No Ray is started."""

from types import SimpleNamespace

import pytest

from orchestrator.commands import lent_session
from orchestrator.commands.lent_session import LentSession
from orchestrator.execution.job import Outcome
from orchestrator.execution.ray_watch import RayLost
from orchestrator.execution.session import Session as RealSession
from orchestrator.storage.run_files import TOKENIZER_FOLDER

pytestmark = pytest.mark.unit


@pytest.fixture
def made(monkeypatch):
    """The sessions that were made. A job ends when it is heard, after those that were handed in before."""
    sessions = []

    class Session:
        run, feed, drive, turn = RealSession.run, RealSession.feed, RealSession.drive, RealSession.turn

        def __init__(self, request, say, last_words):
            self.request, self.last_words, self.scope, self.lanes = request, last_words, "", 2
            self.began, self.ended, self.finished, self.raises = 0, [], 0, None
            self.busy, self.told, self.most, self.switched = [], [], 0, []
            sessions.append(self)

        def __enter__(self):
            self.began += 1
            return self

        def __exit__(self, kind, *_):
            self.ended.append(kind)

        def finish_tasks(self):
            self.finished += 1

        def switch(self, request):
            if request.identity.stream == "too large":
                raise ValueError("too large")
            self.switched.append(request.identity.stream)

        def tick(self):
            self.most = max(self.most, len(self.busy))

        def listener(self, on_report, on_end):
            session, scope, own = self, self.scope, {}

            class Listener:
                under_way = property(lambda self: list(own))

                def submit(self, job):
                    own[job.id] = job
                    session.busy.append((scope, job.id))

                def hear(self, timeout):
                    session.most = max(session.most, len(session.busy))
                    if session.raises is not None and not timeout:
                        return
                    if session.raises is not None:
                        raise session.raises
                    name = next(
                        (name for where, name in session.busy if where == scope and name in own), None
                    )
                    if timeout and name is not None:
                        session.busy.remove((scope, name))
                        session.told.append((scope, name))
                        on_end(own.pop(name), Outcome("finished"))

            return Listener()

    monkeypatch.setattr(lent_session, "Session", Session)
    return sessions


@pytest.fixture
def asked(tmp_path):
    """A stream's name, and that of its content -> a request."""
    (tmp_path / TOKENIZER_FOLDER).mkdir()

    def ask(stream="first", content="same"):
        return SimpleNamespace(identity=SimpleNamespace(stream=stream, content=content), folder=tmp_path)

    return ask


@pytest.fixture
def lent(made, asked):
    with LentSession(print) as found:
        found.ask(asked())
        yield found


def lend(lent, lanes=None, words=lambda line: None):
    return lent.lend(SimpleNamespace(lanes=lanes), say=print, last_words=words)


def job(name):
    return SimpleNamespace(id=name)


def test_it_begins_once_when_it_is_asked_for_and_ends_with_the_block(made, asked):
    request = asked()
    with LentSession(print) as lent:
        lent.ask(request)
        assert not made
        for _ in range(3):
            with lend(lent):
                assert made[0].began == 1 and not made[0].ended
    assert len(made) == 1 and made[0].request is request and made[0].ended == [None]


def test_nobody_who_asks_for_it_leaves_nothing_to_end(made, asked):
    with LentSession(print) as lent:
        lent.ask(asked())
    assert not made


def test_each_run_has_a_scope_of_its_own_and_no_more_lanes_than_it_asked_for(made, lent):
    scopes, lanes = [], []
    for wanted in (None, 1, 9):
        with lend(lent, wanted) as session:
            scopes.append(session.scope)
            lanes.append(session.lanes)
    assert scopes == ["1/", "2/", "3/"] and lanes == [2, 1, 2]


def test_the_same_pictures_in_another_order_take_the_place_of_those_that_are_shared(made, lent, asked):
    lent.ask(asked("second"))
    assert not made, "nothing is open yet"
    for stream in ("second", "third", "third"):
        lent.ask(asked(stream))
        with lend(lent):
            pass
    assert len(made) == 1 and made[0].switched == ["third"] and not made[0].ended


@pytest.mark.parametrize("other", ["content", "tokenizer"])
def test_other_pictures_or_another_tokenizer_are_another_session(made, lent, asked, other, tmp_path):
    with lend(lent):
        pass
    if other == "tokenizer":
        (tmp_path / TOKENIZER_FOLDER / "vocab.txt").write_text("word")
    lent.ask(asked("second", "other" if other == "content" else "same"))
    with lend(lent):
        pass
    assert len(made) == 2 and made[0].ended == [None] and made[0].switched == made[1].switched == []


def test_a_stream_that_cannot_be_shared_breaks_the_session(made, lent, asked):
    with lend(lent):
        pass
    with pytest.raises(ValueError, match="too large"):
        lent.ask(asked("too large"))
    assert lent.broken and made[0].ended == [ValueError]


@pytest.mark.parametrize(("error", "broken"), [(KeyboardInterrupt, False), (OSError, True)])
def test_what_ends_a_run_early_ends_the_session_first(made, lent, error, broken):
    with pytest.raises(error), lend(lent):
        raise error
    assert made[0].ended == [error] and lent.broken == broken
    lent.__exit__(None)
    assert made[0].ended == [error], "and does not end twice"


def test_a_run_that_finishes_its_tasks_after_ctrl_c_ends_the_session(made, lent):
    with lend(lent) as session:
        session.finish_tasks()
    assert made[0].finished == 1 and made[0].ended == [None]


def test_the_last_words_are_those_of_the_runs_that_have_it_and_then_its_own(made, asked):
    heard = []
    with LentSession(print, lambda line: heard.append(("own", line))) as lent:
        lent.ask(asked())
        with (
            lend(lent, words=lambda line: heard.append(("a", line))),
            lend(lent, words=lambda line: heard.append(("b", line))),
        ):
            made[0].last_words("gone")
        made[0].last_words("later")
    assert heard == [("a", "gone"), ("b", "gone"), ("own", "gone"), ("own", "later")]


def runs(lent, names, log, early=()):
    """Runs, each with one job, as a run's command has them: those of ``early`` hand in none."""

    def run(name):
        log.append(f"{name} begins")
        try:
            with lend(lent) as session:
                if name not in early:
                    session.run([job("seed_1")], on_end=lambda *_: log.append(f"{name} is heard"))
            log.append(f"{name} ends")
        except KeyboardInterrupt:
            log.append(f"{name} is interrupted")

    return [lambda name=name: run(name) for name in names]


def test_runs_together_fill_the_lanes_and_each_ends_as_it_would_alone(made, lent):
    log = []
    lent.together(runs(lent, "abcde", log, early="c"))
    assert [line for line in log if "begins" in line] == [f"{name} begins" for name in "abcde"]
    assert {line for line in log if "heard" in line} == {f"{name} is heard" for name in "abde"}
    assert {line for line in log if "ends" in line} == {f"{name} ends" for name in "abcde"}
    assert made[0].most == 2 == made[0].lanes
    assert sorted(made[0].told) == [(f"{n}/", "seed_1") for n in (1, 2, 4, 5)], "each in its scope"


def test_no_more_runs_are_open_than_lanes_and_four(made, lent):
    log, names = [], "abcdefghij"
    lent.together(runs(lent, names, log))
    opened = [line for line in log[: log.index("a is heard")] if "begins" in line]
    assert len(opened) == 6 and {f"{name} ends" for name in names} <= set(log)


def test_ctrl_c_interrupts_all_that_wait_and_calls_no_other(made, lent):
    log = []
    with lend(lent):
        made[0].raises = KeyboardInterrupt()
    lent.together(runs(lent, "abcdefgh", log))
    begun = [line[0] for line in log if "begins" in line]
    assert begun == list("abcdef")
    assert [line[0] for line in log if "interrupted" in line] == list("fedcba")
    assert made[0].ended == [KeyboardInterrupt] and not lent.broken and len(made) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, RayLost])
def test_what_ends_a_run_before_its_jobs_are_handed_in_ends_those_that_wait(made, lent, error):
    """The session has ended then: whoever waited for it would find none."""
    log = []

    def strikes():
        log.append("c begins")
        with pytest.raises(error), lend(lent):
            raise error("gone")

    calls = [*runs(lent, "ab", log), strikes, *runs(lent, "d", log)]
    if error is KeyboardInterrupt:
        lent.together(calls)
        assert log[3:] == ["b is interrupted", "a is interrupted"]
    else:
        with pytest.raises(RayLost, match="gone"):
            lent.together(calls)
    assert log[:3] == ["a begins", "b begins", "c begins"] and "d begins" not in log
    assert made[0].ended == [error] and len(made) == 1
