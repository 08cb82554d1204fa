"""How far a run's trials are, in a line."""

from types import SimpleNamespace

import pytest

from orchestrator.evaluation.objective import Objective
from orchestrator.record.progress import Progress
from orchestrator.record.progress_lines import ProgressLines
from orchestrator.record.run_progress import RunProgress

pytestmark = pytest.mark.unit


def _entry(number, status, *seconds, value=None):
    reports = [
        {"task": t, "seconds/train": s - 1.0, "seconds/evaluate": 0.75, "seconds/checkpoint": 0.25}
        for t, s in enumerate(seconds, 1)
    ]
    return SimpleNamespace(number=number, status=status, reports=reports, value=value)


def _progress(*entries, trials=4, tasks=3, **how):
    ended = [entry for entry in entries if entry.value is not None]
    store = SimpleNamespace(
        tasks=tasks,
        trials={entry.number: entry for entry in entries},
        best=lambda: max(ended, key=lambda entry: entry.value, default=None),
        value=lambda entry: entry.value,
        objective=Objective("validation/average", "max"),
    )
    return RunProgress(store, trials, **how)


def test_tasks_that_nobody_will_walk_are_no_part_of_all():
    stopped, failed = _entry(0, "stopped", 2.0), _entry(1, "failed")
    assert _progress(stopped, failed, _entry(2, "running", 2.0)).text() == "2 of 7 tasks"


def test_the_time_left_is_what_each_task_took_spread_over_the_trials_under_way():
    done = _entry(0, "finished", 10.0, 20.0, 60.0, value=50.0)
    other = _entry(1, "running", 20.0, 40.0)
    third = _entry(2, "running")
    progress = _progress(done, other, third)
    progress.hear(other)
    progress.hear(third)
    # Medians 15, 30, 60: 60 of one, 105 of the other, 105 of the trial to come, two at once.
    assert progress.seconds_left() == pytest.approx((60 + 105 + 105) / 2)
    assert progress.text() == "5 of 12 tasks  best 50.0 (trial 1)  up to 2.2 min left"


def test_trials_that_wait_for_a_lane_are_not_under_way():
    done, others = _entry(0, "finished", 3600.0, value=1.0), [_entry(n, "running") for n in range(1, 9)]
    progress = _progress(done, *others, trials=9, tasks=1)
    progress.hear(others[0])
    progress.hear(others[1])
    assert progress.seconds_left() == pytest.approx(8 * 3600 / 2)
    over = _entry(1, "running", 3600.0)  # is being looked at with test data
    progress = _progress(done, over, *others[1:3], trials=4, tasks=1)
    for entry in (over, *others[1:3]):
        progress.hear(entry)
    assert progress.seconds_left() == pytest.approx(3600.0)


def test_no_less_time_is_left_than_the_longest_trial_needs():
    done, one = _entry(0, "finished", 1.0, 1.0, 10.0, value=1.0), _entry(1, "running", 1.0, 1.0)
    progress = _progress(done, one, _entry(2, "running"), trials=3)
    for entry in progress._store.trials.values():
        progress.hear(entry)
    assert progress.seconds_left() == pytest.approx(12.0)


def test_what_passes_beside_tasks_is_a_part_of_the_time_and_a_lanes_start_is_not():
    now = [0.0]
    entry = _entry(0, "running")
    progress = _progress(entry, trials=2, clock=lambda: now[0])
    progress.hear(entry)
    for later, seconds in ((100.0, 10.0), (12.0, 10.0), (13.0, 10.0)):  # beside them 90, 2 and 3
        now[0] += later
        entry.reports.append({"task": len(entry.reports) + 1, "seconds/train": seconds})
        progress.hear(entry, entry.reports[-1])
    entry.status = "finished"
    assert progress.seconds_left() == pytest.approx(3 * (10 + 3))
    # A task of before the run was resumed has nothing beside it, nor has one that took longer than was heard.
    other = _entry(1, "running", 1.0, 5.0)
    progress.hear(other, other.reports[0])
    now[0] += 1
    progress.hear(other, other.reports[1])
    assert progress._beside == [90.0, 2.0, 3.0, 0.0]


def test_the_best_trial_so_far_is_named():
    entries = [_entry(n, "finished", 1.0, value=v) for n, v in enumerate((40.0, 63.25, 50.0))]
    assert "best 63.2 (trial 2)" in _progress(*entries, tasks=1).text()


def test_no_time_is_said_before_each_task_was_done_once_nor_when_nothing_is_left():
    assert _progress().text() == "0 of 12 tasks"
    assert _progress(_entry(0, "running", 1.0, 1.0)).text() == "2 of 12 tasks"
    whole = [_entry(n, "finished", 1.0, 1.0, 1.0, value=1.0) for n in range(4)]
    assert _progress(*whole).text() == "12 of 12 tasks  best 1.0 (trial 1)"
    # A resumed sweep may have more trials than it was asked for.
    assert _progress(*whole, trials=2).text().startswith("12 of 12 tasks")


def test_each_line_is_followed_by_how_far_the_run_is():
    told = []
    entry = _entry(0, "running", 1.0)
    progress = Progress(
        ProgressLines(4, ["one", "two", "three"], "validation/average"),
        _progress(entry),
        lambda line: told.append(("line", line)),
        lambda text: told.append(("live", text)),
    )
    progress.started(entry, {}, again=False)
    progress.task(entry, entry.reports[0], 60.0)
    progress.ended(entry, "stopped", "")
    assert [kind for kind, _ in told] == ["line", "live"] * 3
    assert {text for kind, text in told if kind == "live"} == {"1 of 12 tasks"}
    assert told[2][1].startswith("trial 1/4 task 1/3 one: ")


def test_where_the_number_of_trials_is_open_neither_a_share_nor_a_time_is_said():
    """A budget says how many there will be only once it is used up."""
    done, other = _entry(0, "finished", 10.0, 20.0, 60.0, value=50.0), _entry(1, "running", 20.0)
    progress = _progress(done, other, trials=0)
    progress.hear(other)
    assert progress.seconds_left() == pytest.approx(80.0), "of the trials under way it would be known"
    assert progress.text() == "4 tasks  best 50.0 (trial 1)"
