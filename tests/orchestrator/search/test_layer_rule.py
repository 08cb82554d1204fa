"""Which trials a rule stops that compares them in several objectives."""

from itertools import permutations

import pytest
from ray.tune.schedulers import TrialScheduler

from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.result_keys import TRIAL
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.search.scheduler_choice import SchedulerChoice

pytestmark = pytest.mark.unit

_A, _B = "validation/average", "validation/forgetting"
_GOAL = Objective(_A, "max", others=(Objective(_B, "min"),))


class _Trial:
    status = "RUNNING"

    def __init__(self, name):
        self.trial_id = f"tune's {name}"
        self.config = {TRIAL: {"id": name}, "replay.size": len(name)}


def _stopped(points, known=(), rate=2, tasks=6):
    """The trials that are stopped at the second task, of these values there, in this order."""
    choice = SchedulerChoice("asha", {"reduction_factor": rate})
    rule = TaskScheduler(_A, "max", tasks, known, choice=choice, objective=_GOAL)
    found = []
    for name, (a, b) in points.items():
        trial = _Trial(name)
        rule.on_trial_add(None, trial)
        assert rule.on_trial_result(None, trial, {"task": 1, _A: 0.0}) == TrialScheduler.CONTINUE
        assert rule.on_trial_result(None, trial, {"task": 3, _A: -a}) == TrialScheduler.CONTINUE, "no rung"
        if rule.on_trial_result(None, trial, {"task": 2, _A: a, _B: b}) == TrialScheduler.STOP:
            found.append(name)
    return found


def test_who_is_behind_in_both_is_stopped_and_who_is_ahead_in_one_goes_on():
    points = {"a": (50, 5), "b": (40, 9), "c": (30, 1), "d": (60, 20), "e": (45, 10), "f": (20, 2)}
    # c and d are of the Pareto set as they come; b, e and f are behind a or c.
    assert _stopped(points) == ["b", "e", "f"]
    assert _stopped(points, rate=3) == ["b", "e", "f"]


def test_of_one_layer_the_spread_out_ones_go_on():
    # All but the first are behind it, and of one layer, whose net has a, then who is furthest from a.
    points = {"first": (60, 0.5), "a": (50, 5.0), "c": (49.9, 4.9), "d": (49.8, 4.8), "far": (10, 1.0)}
    assert _stopped(points) == ["a", "c", "d"], "far is the third of five"
    points["near"] = (49.7, 4.7)
    assert _stopped(points)[-1] == "near"


def test_nobody_is_stopped_whom_no_other_one_dominates():
    points = {f"t{k}": (50 - k, 10 - k) for k in range(10)}
    assert _stopped(points) == [] == _stopped(points, rate=4)


def test_trials_that_have_ended_count_as_if_the_sweep_had_not_been_interrupted():
    points = {"a": (50, 5), "b": (40, 9), "c": (30, 1), "d": (35, 8)}
    known = []
    for number, (name, (a, b)) in enumerate(list(points.items())[:3]):
        reports = [{"task": 1, _A: 0.0}, {"task": 2, _A: a, _B: b}]
        known.append(TrialEntry(name, number, {"replay.size": 3 + number}, reports, "stopped"))
    assert _stopped({"d": points["d"]}, known) == ["d"] and _stopped({"d": points["d"]}) == []


def test_what_is_decided_does_not_depend_on_the_order_in_which_a_resumed_search_hears_of_its_trials():
    # Behind the first one lies a layer of whole numbers, in which distances are equal.
    first, behind = {"first": (60, 0)}, {f"t{k}": (50 - k, 10 - k) for k in range(6)}
    for own in behind:
        others = first | {name: point for name, point in behind.items() if name != own}
        verdicts = set()
        for names in permutations(list(others)[1:], 5):
            reports = {
                n: [{"task": 1, _A: 0.0}, dict(zip(("task", _A, _B), (2, *others[n]), strict=True))]
                for n in others
            }
            heard = [
                TrialEntry(n, k, {"replay.size": 3}, reports[n], "stopped")
                for k, n in enumerate(["first", *names])
            ]
            verdicts.add(tuple(_stopped({own: behind[own]}, heard)))
        assert len(verdicts) == 1, own


def test_of_a_trial_that_has_ended_the_reports_up_to_the_rung_count():
    # It would be ahead of everybody at the second task by what it has at the fourth.
    reports = [{"task": k, _A: [0.0, 10.0, 50.0, 90.0][k - 1], _B: 9.0 - k} for k in range(1, 5)]
    known = [TrialEntry("done", 0, {"replay.size": 3}, reports, "finished")]
    assert _stopped({"own": (50, 20.0), "one": (45, 30.0)}, known) == ["one"]


def test_a_trial_that_lacks_an_objective_is_compared_in_those_it_has():
    rule = TaskScheduler(_A, "max", 3, choice=SchedulerChoice("asha"), objective=_GOAL)
    told = {}
    for name, a in {"a": 50.0, "b": 40.0}.items():  # three tasks: the first one is judged
        trial = _Trial(name)
        rule.on_trial_add(None, trial)
        told[name] = rule.on_trial_result(None, trial, {"task": 1, _A: a})
    assert told == {"a": TrialScheduler.CONTINUE, "b": TrialScheduler.STOP}


@pytest.mark.parametrize(("own", "stops"), [("wide", False), ("middle", True)])
def test_each_objective_spans_the_same_and_the_nearest_of_the_net_counts(own, stops):
    # One layer behind the first: its net has a, then its other end, then who is furthest from both. Over the
    # spans 90 and 0.9 that is wide, 0.39 from the nearer end, before middle, 0.22. In percent it is not.
    points = {
        "first": (100, 0.0),
        "a": (50, 0.9),
        "end": (10, 0.05),
        "wide": (45, 0.1),
        "middle": (30, 0.08),
        "near a": (49.9, 0.899),
        "near the end": (10.1, 0.051),
    }
    last = points.pop(own)
    assert (own in _stopped(points | {own: last})) is stops, "three of six behind the first go on"
