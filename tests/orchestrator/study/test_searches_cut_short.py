"""Searches of a study, which share the lanes, and that end early: both are resumed, and no task is trained
twice. Tune's loop and the lanes are played in this process. No Ray is started.
"""

import signal

import pytest
from played_searches import METHODS, play_searches, trials_in

from orchestrator.commands import lent_session, sweep_run
from orchestrator.errors import UserError
from orchestrator.execution.job import Outcome
from orchestrator.execution.ray_watch import RayLost
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.tune_bridge import TuneBridge

pytestmark = pytest.mark.unit


@pytest.fixture
def together(played, monkeypatch, tmp_path):
    return play_searches(monkeypatch, tmp_path)


def _interrupts(times=1):
    def interrupt():
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)

    return interrupt


def _undisturbed(together):
    """What each search proposes, finds and stops."""
    assert together.run("u") == 0
    together.lines.clear()
    together.log.clear()
    return {name: trials_in(together.runs / f"u-{name}") for name in METHODS}


def _once(together, expected):
    """Both searches have ended as if nothing had happened, and no task was trained twice."""
    for name, trials in expected.items():
        assert trials_in(together.runs / f"s-{name}") == trials
    trained = [one for one in together.log if isinstance(one, tuple)]
    assert (
        len(trained)
        == len(set(trained))
        == sum(len(trial["status"]["reports"]) for trials in expected.values() for trial in trials.values())
    )


def test_ctrl_c_ends_both_searches_with_their_words_and_resuming_trains_nothing_twice(together):
    expected = _undisturbed(together)
    together.looks["s-kept"] = 5
    together.at["s-plain", "trial_0002", 1] = _interrupts()
    assert together.run() == 130
    # The inner search hears of the task that was under way, as it would alone.
    assert [line.partition(": validation")[0] for line in together.lines[-4:]] == [
        "kept: trial 1/6 task 2/2 t1",
        "kept: trial 1/6 finished",
        "kept: interrupted: 1 trial(s) ended, 0 unfinished",
        "plain: interrupted: 1 trial(s) ended, 1 unfinished",
    ]
    assert together.log[-2:] == [("s-kept", "trial_0001", 2), "the session ends by None"]
    assert together.log.count("tasks are being finished") == 1
    assert together.told.endswith("Go on with:\n  python -m orchestrator.study --resume s")
    assert together.told.count("Interrupted.") == 1
    together.at.clear()
    assert together.resumed() == 0
    _once(together, expected)


def test_ctrl_c_twice_stops_both_at_once(together):
    expected = _undisturbed(together)
    together.at["s-plain", "trial_0003", 1] = _interrupts(2)
    assert together.run() == 130
    assert "the session ends by KeyboardInterrupt" in together.log
    for name in METHODS:
        assert any(line.startswith(f"{name}: interrupted: ") for line in together.lines)
    together.at.clear()
    assert together.resumed() == 0
    _once(together, expected)


def test_a_search_that_waits_for_another_one_with_all_trials_ended_is_not_interrupted(together):
    """The last trials of the one that began later are left."""
    expected = _undisturbed(together)
    together.at["s-kept", "trial_0006", 1] = _interrupts()
    assert together.run() == 130
    ended = [line for line in together.lines if "is best" in line or "interrupted" in line]
    assert ended[0] == "kept: interrupted: 5 trial(s) ended, 1 unfinished"
    assert ended[1].startswith("s-plain: trial_000") and len(ended) == 2
    together.at.clear()
    assert together.resumed() == 0
    _once(together, expected)


def test_ctrl_c_after_the_last_trial_of_a_search_begins_no_other_run(together, monkeypatch):
    closed = TuneBridge.closed

    def interrupted(self, trial_id):
        closed(self, trial_id)
        if trial_id == "trial_0006":
            signal.raise_signal(signal.SIGINT)

    together.lanes = 1
    with monkeypatch.context() as patched:
        patched.setattr(TuneBridge, "closed", interrupted)
        assert together.run() == 130
    assert together.lines[-1].startswith("s-plain: trial_000")
    assert {path.name for path in together.runs.glob("s-*")} == {"s-plain"}
    assert together.resumed() == 0


def test_ctrl_c_while_another_search_is_about_to_begin_ends_both(together, monkeypatch):
    """That one has not said yet that it wants to hear of it."""
    opened, calls = lent_session.LentSession._opened, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return opened(self)

    with monkeypatch.context() as patched:
        patched.setattr(lent_session.LentSession, "_opened", interrupted)
        assert together.run() == 130
    assert [line for line in together.lines if "interrupted" in line] == [
        "kept: interrupted: 0 trial(s) ended, 0 unfinished",
        "plain: interrupted: 0 trial(s) ended, 1 unfinished",
    ]
    assert together.resumed() == 0


@pytest.mark.parametrize("which", ["kept", "plain"])
def test_an_error_in_one_search_leaves_the_other_one_itstrials_in(together, monkeypatch, which):
    """Whichever began first: a loop that steps another one takes no error of it for its own."""
    expected = _undisturbed(together)
    suggest = TaskSearch.suggest

    def fail(self, trial_id):
        if trial_id == "tune 2" and ("replay.size" in str(self._starts)) == (which == "kept"):
            raise ZeroDivisionError(which)
        return suggest(self, trial_id)

    other = "plain" if which == "kept" else "kept"
    with monkeypatch.context() as patched, pytest.raises(ZeroDivisionError, match=which):
        patched.setattr(TaskSearch, "suggest", fail)
        together.run()
    assert trials_in(together.runs / f"s-{other}") == expected[other]
    assert any(line.startswith(f"s-{other}: trial_000") for line in together.lines)
    assert f"Stopped: ZeroDivisionError: {which}" in together.told
    assert together.resumed() == 0
    _once(together, expected)


@pytest.mark.parametrize("which", ["kept", "plain"])
def test_a_full_disk_in_one_search_is_why_the_study_ends_and_the_other_one_is_noted(together, which):
    expected = _undisturbed(together)
    together.at[f"s-{which}", "trial_0003", 1] = lambda: Outcome("failed", "no space left", fatal=True)
    assert together.run() == 1
    other = "plain" if which == "kept" else "kept"
    assert trials_in(together.runs / f"s-{other}") == expected[other]
    assert "Stopped: no space left" in together.told and f"s-{which}: no space left" in together.lines
    together.at.clear()
    assert together.resumed() == 0
    _once(together, expected)


def test_a_search_that_cannot_use_the_session_ends_the_study_after_the_other_one(together, monkeypatch):
    def refuse(self, run):
        if "kept" in str(self._folder):
            raise UserError("no GPU")

    expected = _undisturbed(together)
    with monkeypatch.context() as patched:
        patched.setattr(sweep_run.SweepBudget, "check", refuse)
        assert together.run() == 1
    assert "Stopped: no GPU" in together.told and trials_in(together.runs / "s-plain") == expected["plain"]
    assert {path.name for path in together.runs.glob("s-*")} == {"s-plain"}, "no pair has begun"
    assert together.resumed() == 0
    _once(together, expected)


def test_a_lost_ray_ends_both_at_once(together):
    expected = _undisturbed(together)

    def lost():
        raise RayLost("Ray has died")

    together.at["s-kept", "trial_0003", 1] = lost
    assert together.run() == 1 and "Stopped: Ray has died" in together.told
    assert "the session ends by RayLost" in together.log
    together.at.clear()
    assert together.resumed() == 0
    _once(together, expected)
