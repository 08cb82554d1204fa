"""Searches of a study, which share the lanes: their proposals, numbers and budgets. Tune's loop and the lanes
are played in this process. No Ray is started.
"""

import pytest
from played_searches import METHODS, TRIALS, play_searches, trials_in

pytestmark = pytest.mark.unit


@pytest.fixture
def together(played, monkeypatch, tmp_path):
    return play_searches(monkeypatch, tmp_path)


def _trained(log, run):
    return [one[1:] for one in log if isinstance(one, tuple) and one[0] == run]


def _rates(run):
    """The learning rates that a search proposed, in order."""
    return [trial["trial"]["values"]["method.learning_rate"] for trial in trials_in(run).values()]


def _open_before_the_second(lines):
    """How many trials the first search had begun, and had ended, when the second one began."""
    before = lines[: next(n for n, line in enumerate(lines) if line.startswith("kept: at most"))]
    begun = sum(line.startswith("plain: trial") and " starts" in line for line in before)
    return begun, sum(line.endswith((" finished", " stopped")) for line in before)


def test_searches_fill_the_lanes_together_and_each_is_to_the_digit_as_it_is_alone(together):
    assert together.run() == 0
    shared, waste = list(together.log), sum(together.idle) / len(together.idle)
    kept = [n for n, one in enumerate(shared) if one[0] == "s-kept"]
    plain = [n for n, one in enumerate(shared) if one[0] == "s-plain"]
    assert kept[0] < plain[2] and plain[-1] > kept[2], "each has one trial at a time, for two lanes"
    assert _open_before_the_second(together.lines) == (1, 0)
    assert shared[-1] == "the session ends by None" and len(set(shared)) == len(shared)
    together.idle.clear()
    for name in ("plain", "kept"):
        assert together.run(f"{name}-alone", methods={name: METHODS[name]}) == 0
        alone = together.runs / f"{name}-alone-{name}"
        assert len(set(_rates(alone))) == TRIALS and trials_in(together.runs / f"s-{name}") == trials_in(
            alone
        )
        assert _trained(together.log, f"{name}-alone-{name}") == _trained(shared, f"s-{name}")
    assert waste < 1.2 < 1.4 < sum(together.idle) / len(together.idle), "of two lanes"


def test_a_search_that_fills_the_lanes_leaves_the_next_one_those_of_its_lasttrials_in(together):
    assert together.run(trials=8) == 0, "two at once, for two lanes"
    assert _open_before_the_second(together.lines) == (8, 7), "its last trial is under way"


def test_each_search_has_the_trials_of_its_own_budget(together):
    """A trial takes two minutes, and a task in which one is stopped counts."""
    assert together.run(trials=None, time="7m") == 0
    assert len(trials_in(together.runs / "s-plain")) == 6
    assert _open_before_the_second(together.lines) == (5, 4), "it waits for what the fifth will have taken"
    for name in METHODS:
        assert together.run(f"{name}-alone", methods={name: METHODS[name]}, trials=None, time="7m") == 0
        alone = trials_in(together.runs / f"{name}-alone-{name}")
        assert 3 < len(alone) < 8 and trials_in(together.runs / f"s-{name}") == alone
