"""Rules that stop trials, by name: which trials each stops, at which task."""

import pytest
from ray.tune.schedulers import TrialScheduler

from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.result_keys import TRIAL
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.search.scheduler_choice import SchedulerChoice

_METRIC = "validation/seen/r_mean"


class _Trial:
    status = "RUNNING"

    def __init__(self, name: str, size: int) -> None:
        self.trial_id = f"tune's {name}"
        self.config = {TRIAL: {"id": name}, "replay.size": size}


def _stopped(choice, curves, mode="max", known=(), sizes=None) -> dict[str, int]:
    """The tasks after which each trial is told to stop. Trials report in turn, task by task."""
    tasks = max(len(curve) for curve in curves.values())
    scheduler = TaskScheduler(_METRIC, mode, tasks, known, sizes=(8, 16), choice=choice)
    trials, stopped = {}, {}
    for name in curves:
        trials[name] = _Trial(name, (sizes or {}).get(name, 8))
        scheduler.on_trial_add(None, trials[name])
    for task in range(1, tasks + 1):
        for name in [name for name in curves if name not in stopped]:
            result = {_METRIC: curves[name][task - 1], "task": task}
            if scheduler.on_trial_result(None, trials[name], result) == TrialScheduler.STOP:
                stopped[name] = task
    return stopped


def _falling(*lasts: float) -> dict[str, list[float]]:
    """Curves of six tasks that all begin at 90 and fall, to these values at the second task and on."""
    return {f"t{k}": [90.0, last, last - 1, last - 2, last - 3, last - 4] for k, last in enumerate(lasts)}


def test_none_stops_nobody():
    assert _stopped(SchedulerChoice("none"), _falling(80, 10, 1, 0)) == {}


def test_a_trial_behind_the_median_of_the_others_at_the_same_task_is_stopped():
    median = SchedulerChoice("median")
    # At task 2 t0 to t2 are not judged: fewer than three others are there. t3 is above their median, t4
    # below it. Nobody is judged at task 3 but t3, which has three others there.
    curves = _falling(80, 70, 60, 75, 65)
    assert _stopped(median, curves) == {"t4": 2}
    # Tune's own rule would hold each trial's best value, 90, against the others: it stops none of them.
    less = {name: [-value for value in curve] for name, curve in curves.items()}
    assert _stopped(median, less, "min") == {"t4": 2}


def test_no_trial_is_stopped_at_the_first_task_or_in_the_last_half():
    curves = _falling(80, 79, 78, 77)
    curves["late"] = [1.0, 99, 99, 1, 1, 1]
    assert "late" not in _stopped(SchedulerChoice("median"), curves)
    assert "late" not in _stopped(SchedulerChoice("asha"), curves)
    assert _stopped(SchedulerChoice("median"), curves | {"late": [99.0, 99, 1, 1, 1, 1]})["late"] == 3


@pytest.mark.parametrize(("margin", "stopped"), [(0, {"t3": 2}), (4.9, {"t3": 2}), (5.1, {})])
def test_a_margin_lets_go_on_who_is_little_behind(margin, stopped):
    curves = {
        **_falling(80, 70, 60, 65),
        **{f"t{k}": [90.0] + [value] * 5 for k, value in enumerate((72, 70, 68, 65))},
    }
    found = _stopped(SchedulerChoice("median", {"margin": margin}), curves)
    assert {name: task for name, task in found.items() if task == 2} == stopped


@pytest.mark.parametrize(
    ("least", "stopped"), [(1, ["t1", "t2", "t3"]), (2, ["t2", "t3"]), (3, ["t3"]), (4, [])]
)
def test_a_median_needs_so_many_other_trials(least, stopped):
    found = _stopped(SchedulerChoice("median", {"min_trials": least}), _falling(80, 70, 60, 50))
    assert [name for name, task in found.items() if task == 2] == stopped


def test_medians_are_of_one_memory_size():
    curves = _falling(80, 80, 80, 50, 50, 50, 49)
    sizes = {f"t{k}": 16 for k in range(3)}
    assert _stopped(SchedulerChoice("median"), curves, sizes=sizes)["t6"] == 2
    assert set(_stopped(SchedulerChoice("median"), curves, sizes=sizes)) == {"t6"}
    assert {"t3", "t4", "t5"} <= set(_stopped(SchedulerChoice("median"), curves))


def test_a_median_counts_those_from_before_a_resumption():
    known = [
        TrialEntry(f"old{k}", k, {"replay.size": 8}, [{"task": 2, _METRIC: 80.0}], "finished")
        for k in range(3)
    ]
    assert _stopped(SchedulerChoice("median"), _falling(70), known=known) == {"t0": 2}
    assert _stopped(SchedulerChoice("median"), _falling(70), known=known[:2]) == {}


@pytest.mark.parametrize(("factor", "stopped"), [(2, ["t1", "t2"]), (4, ["t1", "t2", "t3"])])
def test_of_the_trials_at_a_rung_one_in_so_many_goes_on(factor, stopped):
    """72 is above the median of 80, 70 and 60, and below their upper quartile."""
    found = _stopped(SchedulerChoice("asha", {"reduction_factor": factor}), _falling(80, 70, 60, 72))
    assert list(found) == stopped and set(found.values()) == {2}


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (SchedulerChoice(), "asha stops trials in the first half of the stream"),
        (
            SchedulerChoice("median", {"margin": 2}),
            "median stops trials in the first half of the stream, margin 2",
        ),
        (SchedulerChoice("none"), "no trial is stopped early"),
    ],
)
def test_it_says_what_it_does(choice, says):
    assert choice.said == says
