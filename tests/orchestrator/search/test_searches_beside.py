"""Searches that share one session's lanes, in one thread. They are played."""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from orchestrator.search.searches_beside import SearchesBeside

pytestmark = pytest.mark.unit


class _Search:
    """A search whose loop steps until its trials have ended, one a step: ``most`` at once."""

    def __init__(self, name, trials, most, beside, log):
        self.name, self.left, self.most, self.over, self.settled = name, trials, most, False, True
        self.under_way, self._beside, self._log = 0, beside, log

    @property
    def lanes_wanted(self):
        return self.most if self.left else self.under_way

    def run(self):
        with self._beside.kept():
            self._log.append(f"{self.name} begins")
            while (self.left or self.under_way) and not self.over:
                self.step()
            self._log.append(f"{self.name} ends")

    def leave_lanes(self):
        self._log += [f"{self.name} leaves its lanes"] if self.under_way else []

    def step(self):
        self.under_way = max(0, self.under_way - 1)
        while self.left and self.under_way < self.most:
            self.left, self.under_way = self.left - 1, self.under_way + 1
        self._log.append((self.name, self.under_way))
        self._beside.look(self)


@pytest.fixture
def run():
    """``run(lanes, *searches)`` runs searches, each (name, trials, at once), and returns what happened."""

    def run(lanes, *asked):
        log = []
        beside = SearchesBeside(lambda: lanes, lambda: waiting and waiting.pop(0).run())
        waiting = [_Search(*one, beside, log) for one in asked]
        while waiting:
            waiting.pop(0).run()
        assert beside.depth == 0 and not beside.others
        return log

    return run


def test_the_next_search_begins_once_the_last_trials_of_the_one_before_leave_a_lane(run):
    log = run(2, ("a", 3, 2), ("b", 3, 2))
    assert log == [
        "a begins", ("a", 2), ("a", 2), ("a", 1),  # the third trial is the last one, and one lane is free
        "b begins", ("b", 2), ("a", 0), ("b", 2), ("a", 0), ("b", 1), ("a", 0), ("b", 0), ("a", 0), "b ends",
        "a ends",
    ]  # fmt: skip


def test_searches_of_few_trials_at_once_fill_many_lanes_together(run):
    log = run(5, ("a", 3, 2), ("b", 3, 2), ("c", 3, 2), ("d", 3, 2))
    assert log[:6] == ["a begins", ("a", 2), "b begins", ("b", 2), ("a", 2), "c begins"]
    assert "d begins" not in log[: log.index(("a", 1))], "three have six trials at once, for five lanes"
    assert "d begins" in log


@pytest.mark.parametrize(("count", "deepest"), [(3, 3), (9, 4)])
def test_no_more_than_four_are_open_and_all_are_run(run, count, deepest):
    log = run(2, *((f"s{n}", 2, 2) for n in range(count)))
    open_now = most = 0
    for line in log:
        open_now += {"begins": 1, "ends": -1}.get(line.split()[1], 0) if isinstance(line, str) else 0
        most = max(most, open_now)
    assert most == deepest and sum(isinstance(line, str) and line.endswith("ends") for line in log) == count


def test_no_search_begins_where_one_has_to_end_and_that_one_is_not_stepped_any_more():
    log = []
    beside = SearchesBeside(lambda: 9, lambda: log.append("next"))
    outer, inner = (_Search(name, 2, 1, beside, log) for name in "ab")
    outer.step()
    inner.step()
    assert log == [("a", 1), "next", ("b", 1), ("a", 1), "next"]
    outer.over = True
    inner.step()
    assert log[5:] == [("b", 1), "a leaves its lanes"], "and it has a trial left"


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_a_search_leaves_its_lanes_to_those_around_it_unless_all_end_at_once(error):
    log = []
    beside = SearchesBeside(lambda: 9, lambda: None)
    with suppress(ZeroDivisionError, KeyboardInterrupt), beside.kept():
        _Search("a", 2, 1, beside, log).step()
        with beside.kept():
            _Search("b", 2, 1, beside, log).step()
            log.clear()
            if error is not None:
                raise error
        log.append("a goes on")
    assert (
        log
        == {
            None: ["b leaves its lanes", "a goes on"],
            ZeroDivisionError: ["b leaves its lanes"],
            KeyboardInterrupt: [],
        }[error]
    ), "and the outermost one's session ends"


def test_no_search_begins_while_a_proposed_trial_has_not_begun():
    log = []
    beside = SearchesBeside(lambda: 9, lambda: log.append("next"))
    search = _Search("a", 2, 1, beside, log)
    search.settled = False
    search.step()
    search.settled = True
    search.step()
    assert log == [("a", 1), ("a", 1), "next"]


def test_others_are_searches_around_that_still_have_trials():
    beside = SearchesBeside(lambda: 1, lambda: None)
    outer = SimpleNamespace(lanes_wanted=1, over=False, settled=True, step=lambda: None)
    inner = SimpleNamespace(lanes_wanted=1, over=False, settled=True, step=lambda: None)
    beside.look(outer)
    assert not beside.others, "it has the thread for itself"
    beside.look(inner)
    assert beside.others
    outer.lanes_wanted = 0
    assert not beside.others
