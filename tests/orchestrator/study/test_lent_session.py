"""A session that several runs have one after the other. No Ray is started."""

from types import SimpleNamespace

import pytest

from orchestrator.study import lent_session
from orchestrator.study.lent_session import LentSession


@pytest.fixture
def made(monkeypatch):
    """The sessions that were made."""
    sessions = []

    class Session:
        def __init__(self, request, say, last_words):
            self.request, self.last_words, self.scope, self.lanes = request, last_words, "", 4
            self.began, self.ended, self.finished = 0, [], 0
            sessions.append(self)

        def __enter__(self):
            self.began += 1
            return self

        def __exit__(self, kind, *_):
            self.ended.append(kind)

        def finish_tasks(self):
            self.finished += 1

    monkeypatch.setattr(lent_session, "Session", Session)
    return sessions


def lend(lent, lanes=None, words=lambda line: None):
    return lent.lend(SimpleNamespace(lanes=lanes), say=print, last_words=words)


def test_it_begins_once_when_it_is_asked_for_and_ends_with_the_block(made):
    with LentSession("all", print) as lent:
        assert not made
        for _ in range(3):
            with lend(lent):
                assert made[0].began == 1 and not made[0].ended
    assert len(made) == 1 and made[0].request == "all" and made[0].ended == [None]


def test_nobody_who_asks_for_it_leaves_nothing_to_end(made):
    with LentSession("all", print):
        pass
    assert not made


def test_each_run_has_a_scope_of_its_own_and_no_more_lanes_than_it_asked_for(made):
    scopes, lanes = [], []
    with LentSession("all", print) as lent:
        for wanted in (None, 2, 9):
            with lend(lent, wanted) as session:
                scopes.append(session.scope)
                lanes.append(session.lanes)
    assert scopes == ["1/", "2/", "3/"] and lanes == [4, 2, 4]


def test_what_ends_a_run_early_ends_the_session_first(made):
    with LentSession("all", print) as lent:
        with pytest.raises(KeyboardInterrupt), lend(lent):
            raise KeyboardInterrupt
        assert made[0].ended == [KeyboardInterrupt]
    assert made[0].ended == [KeyboardInterrupt], "and does not end twice"


def test_a_run_that_finishes_its_tasks_after_ctrl_c_ends_the_session(made):
    with LentSession("all", print) as lent:
        with lend(lent) as session:
            session.finish_tasks()
        assert made[0].finished == 1 and made[0].ended == [None]


def test_the_last_words_are_those_of_the_run_that_has_it(made):
    heard = []
    with LentSession("all", print) as lent:
        for name in "ab":
            with lend(lent, words=lambda line, name=name: heard.append((name, line))):
                made[0].last_words("gone")
        made[0].last_words("nobody's")
    assert heard == [("a", "gone"), ("b", "gone")]
