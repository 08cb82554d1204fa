"""What the search proposes and which trials the scheduler stops, in numbers."""

import warnings

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler

from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search import bounded_storage
from orchestrator.search.result_keys import INFEASIBLE, STATUS, TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.scheduler import TaskScheduler
from orchestrator.search.scheduler_choice import SchedulerChoice

_METRIC = "validation/seen/r_mean"
_RATE, _DECAY, _SCALE = "method.learning_rate", "method.weight_decay", "method.scale"


def _space(trial: optuna.Trial) -> None:
    trial.suggest_float(_RATE, 1e-4, 1e-2, log=True)


def _conditional(trial: optuna.Trial) -> None:
    """Two values are asked for where the first is large enough, as by conditions in a search space."""
    if trial.suggest_float(_RATE, 0.0, 1.0) > 0.3:
        trial.suggest_float(_DECAY, 0.0, 1.0)
        trial.suggest_float(_SCALE, 0.0, 1.0)


def _search(space=_space, mode="max", **changes) -> TaskSearch:
    options = {"seed": 1, "tasks": 3, "starts": ()}
    return TaskSearch(space, _METRIC, mode, **(options | changes))


def _finish(search: TaskSearch, trial_id: str, value: float) -> None:
    result = {_METRIC: value, "task": 3, STATUS: "running", "training_iteration": 3}
    search.on_trial_result(trial_id, result)
    search.on_trial_complete(trial_id, result)


def _walk(search: TaskSearch, count: int, value_of) -> list[dict[str, float]]:
    """The points of so many trials, one after another. ``value_of`` gives the value of each from its point
    and number.
    """
    points = []
    for number in range(count):
        proposal = search.suggest(str(number))
        points.append({key: value for key, value in proposal.items() if key != TRIAL})
        _finish(search, str(number), value_of(points[-1], number))
    return points


def _with_memory(trial: optuna.Trial) -> None:
    trial.suggest_categorical("replay.size", [64, 128, 256])
    trial.suggest_float(_RATE, 1e-4, 1e-2, log=True)


def test_each_size_of_the_memory_has_as_many_trials_although_the_largest_is_best():
    start = {"replay.size": 128, _RATE: 1e-3}
    search = _search(_with_memory, starts=[start], sizes=(64, 128, 256))
    points = _walk(search, 15, lambda point, number: point["replay.size"])
    assert [point["replay.size"] for point in points] == [128, 256, 64] * 5 and points[0] == start
    assert len({point[_RATE] for point in points}) == 15
    alone = _walk(_search(_with_memory, starts=[start]), 15, lambda point, number: point["replay.size"])
    assert [point["replay.size"] for point in alone].count(256) > 5, "TPE by itself prefers the best"


def test_each_size_is_tuned_for_itself():
    """The best rate of a memory shifts with its size. Where TPE sees all sizes at once, it proposes for each
    what is good with the largest, as that one has the best values.
    """
    best = {64: 3e-4, 128: 1e-3, 256: 3e-3}

    def value_of(point, number):
        size = point["replay.size"]
        return size / 10 - 20 * abs(np.log10(point[_RATE] / best[size]))

    lost = {size: [] for size in best}
    for seed in range(8):
        search = _search(_with_memory, seed=seed, sizes=tuple(best))
        points = _walk(search, 48, value_of)
        for size in best:
            values = [value_of(point, 0) for point in points if point["replay.size"] == size]
            assert len(values) == 16
            lost[size].append(size / 10 - max(values))
    print({size: np.mean(lost[size]) for size in lost})
    assert np.mean(lost[64]) < 1, "of 20 points a decade"


def test_a_resumed_search_deals_the_sizes_as_an_undisturbed_one():
    start = {"replay.size": 64, _RATE: 1e-3}
    whole = _walk(_search(_with_memory, starts=[start], sizes=(64, 128)), 8, lambda point, _: point[_RATE])
    known = [
        TrialEntry(f"t{k}", k, point, [{_METRIC: point[_RATE], "task": t} for t in (1, 2, 3)], "finished")
        for k, point in enumerate(whole[:5])
    ]
    resumed = _search(_with_memory, starts=[start], sizes=(64, 128), known=known)
    assert _walk(resumed, 3, lambda point, _: point[_RATE]) == whole[5:]


def test_no_two_trials_are_drawn_alike():
    rates = [point[_RATE] for point in _walk(_search(), 10, lambda point, number: 1.0)]
    assert len(set(rates)) == 10
    other = [point[_RATE] for point in _walk(_search(seed=2), 10, lambda point, number: 1.0)]
    assert not set(rates) & set(other)
    assert np.ptp(np.log10(rates)) > 1, "a range of two decades is looked at"


def test_two_trials_and_from_the_seventh_on_every_fourth_are_drawn_whatever_was_found():
    rising = _walk(_search(), 20, lambda point, number: point[_RATE])
    falling = _walk(_search(), 20, lambda point, number: -point[_RATE])
    alike = [k for k in range(20) if rising[k] == falling[k]]
    assert {0, 1, 6} <= set(alike) and 2 not in alike
    assert [k for k in alike if k >= 10] == [10, 14, 18]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_proposals_go_where_the_objective_is_better(mode):
    points = _walk(_search(mode=mode), 30, lambda point, number: np.log10(point[_RATE]))
    late = np.mean([np.log10(point[_RATE]) for point in points[15:]])
    assert late > -2.7 if mode == "max" else late < -3.3


@pytest.mark.parametrize(("mode", "best"), [("max", 2), ("min", 1)])
def test_the_best_of_a_study_is_the_largest_or_the_smallest(mode, best):
    search = _search(mode=mode)
    _walk(search, 3, lambda point, number: (50.0, 20.0, 80.0)[number])
    assert search.study.best_trial.number == best


def test_the_start_is_the_first_trial_alone():
    search = _search(starts=[{_RATE: 1e-3}])
    rates = [point[_RATE] for point in _walk(search, 4, lambda point, number: 1.0)]
    assert rates[0] == 1e-3 and 1e-3 not in rates[1:]


def _optunas(points, values, number, **options):
    """What Optuna's own sampler proposes as trial ``number`` of seed 1 after these."""
    seed = int(np.random.SeedSequence([1, number]).generate_state(1)[0])
    options = {"multivariate": True, "group": True, "constant_liar": True} | options
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=2, **options)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for point, value in zip(points, values, strict=True):
        state = TrialState.RUNNING if value is None else TrialState.COMPLETE
        space = {key: optuna.distributions.FloatDistribution(0.0, 1.0) for key in point}
        study.add_trial(
            optuna.trial.create_trial(state=state, params=point, distributions=space, value=value)
        )
    trial = study.ask()
    _conditional(trial)
    return trial.params


def _worth(point, number=0):
    return -abs(point[_RATE] - 0.6) - abs(point.get(_DECAY, 0.0) - point.get(_SCALE, 0.0))


def test_parameters_are_proposed_together_and_those_under_way_count_as_poor():
    search = _search(_conditional)
    points = _walk(search, 10, _worth)
    values = [_worth(point) for point in points]

    def optunas(**options):
        return [_optunas(points[:k], values[:k], k, **options) for k in proposed]

    proposed = (5, 7, 8, 9)
    found = [points[k] for k in proposed]
    assert found == optunas()
    assert found != optunas(group=False)
    assert found != optunas(group=False, multivariate=False)
    for number in (10, 11, 12):
        proposal = search.suggest(f"under way {number}")
        points.append({key: value for key, value in proposal.items() if key != TRIAL})
        values.append(None)
    found = {key: value for key, value in search.suggest("next").items() if key != TRIAL}
    assert found == _optunas(points, values, 13) != _optunas(points, values, 13, constant_liar=False)


def test_what_a_long_search_weighs_is_bounded(monkeypatch):
    monkeypatch.setattr(bounded_storage, "_MOST", 6)
    monkeypatch.setattr(bounded_storage, "_BEST", 2)
    search = _search()
    _walk(search, 10, lambda point, number: float(number))
    assert len(search.study.get_trials(deepcopy=False)) == 6 and len(search.study.trials) == 10


def _entry(number: int, status: str, values: list[float]) -> TrialEntry:
    reports = [{"task": task, _METRIC: value} for task, value in enumerate(values, 1)]
    return TrialEntry(f"trial_{number + 1:04d}", number, {_RATE: 1e-3 * (number + 1)}, reports, status)


def test_a_resumed_search_tells_ended_trials_as_they_ended():
    known = [
        _entry(0, "finished", [80.0, 70.0, 60.0]),
        _entry(1, "stopped", [90.0, 85.0]),
        _entry(2, "failed", [99.0]),
        _entry(3, "failed", [99.0, 98.0, 97.0]),  # it failed after its last task
        _entry(4, "failed", []),
    ]
    study = _search(known=known).study
    states = [TrialState.COMPLETE, TrialState.PRUNED, *[TrialState.FAIL] * 3]
    assert [trial.state for trial in study.trials] == states
    assert [trial.params[_RATE] for trial in study.trials] == [e.values[_RATE] for e in known]
    assert study.best_trial.number == 0 and study.best_value == 60.0, "the value after the last task"
    assert study.trials[1].intermediate_values == {1: 90.0, 2: 85.0}


def test_a_failure_under_way_is_told_as_one():
    search = _search()
    for name in ("error", "none", "status", "nothing finite"):
        search.suggest(name)
    result = {_METRIC: 99.0, "task": 3, "training_iteration": 3}
    search.on_trial_complete("error", result, error=True)
    search.on_trial_complete("none", None)
    search.on_trial_complete("status", {**result, STATUS: "failed"})
    search.on_trial_complete("nothing finite", {**result, _METRIC: float("nan"), "task": 2})
    assert [trial.state for trial in search.study.trials] == [TrialState.FAIL] * 4


def _diverge(search: TaskSearch, trial_id: str, values: list[float]) -> None:
    """A trial reports these and then fails by its own values."""
    for task, value in enumerate(values, 1):
        search.on_trial_result(trial_id, {_METRIC: value, "task": task, STATUS: "running"})
    search.on_trial_complete(trial_id, {"task": len(values), STATUS: "failed", INFEASIBLE: True})


def test_an_infeasible_trial_is_told_as_pruned_without_a_value_and_no_other_failure_is():
    search = _search()
    for name in ("infeasible", "error"):
        search.suggest(name)
    _diverge(search, "infeasible", [90.0, 80.0])
    search.on_trial_complete("error", {"task": 0, STATUS: "failed", INFEASIBLE: True}, error=True)
    entry = _entry(0, "failed", [90.0, 80.0])
    entry.infeasible = True
    resumed = _search(known=[entry, _entry(1, "failed", [])])
    for study in (search.study, resumed.study):
        states = [trial.state for trial in study.trials]
        assert states == [TrialState.PRUNED, TrialState.FAIL]
        # With an intermediate value it would be better, to TPE, than what was stopped after one task.
        assert study.trials[0].value is None and study.trials[0].intermediate_values == {}


def test_the_search_avoids_what_is_near_to_infeasible_trials():
    def rates(diverges):
        search = _search()
        points = []
        for number in range(30):
            points.append(search.suggest(str(number))[_RATE])
            if points[-1] > 1e-3 and diverges:
                _diverge(search, str(number), [])
            elif points[-1] > 1e-3:
                search.on_trial_complete(str(number), {"task": 0, STATUS: "failed"})
            else:
                _finish(search, str(number), points[-1])
        return sum(rate > 1e-3 for rate in points[10:])

    assert rates(diverges=True) <= 10 < 15 <= rates(diverges=False), "of 20"


def test_a_report_that_comes_again_is_passed_over_without_a_word():
    search = _search()
    search.suggest("a")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for task, value in ((1, 9.0), (2, 8.0), (1, 1.0), (2, 1.0), (3, 7.0)):
            search.on_trial_result("a", {_METRIC: value, "task": task, "training_iteration": 1})
        search.on_trial_complete("a", {_METRIC: 7.0, "task": 3})
    assert search.study.trials[0].intermediate_values == {1: 9.0, 2: 8.0, 3: 7.0}


def test_a_trial_that_is_gone_on_with_keeps_its_point_and_its_place():
    known = [_entry(0, "finished", [1.0, 1.0, 1.0]), _entry(1, "running", [1.0])]
    search = _search(known=known)
    assert search.suggest("a") == {_RATE: 2e-3, TRIAL: {"id": "trial_0002", "number": 1}}
    assert search.suggest("b")[TRIAL] == {"id": "trial_0003", "number": 2}


class _Trial:
    status = "RUNNING"

    def __init__(self, name: str, **values: int) -> None:
        self.trial_id = f"tune's {name}"
        self.config = {TRIAL: {"id": name}, **values}


def _stopped(
    tasks: int, mode: str, curves: list[list[float]], sizes: list[int] = (), listed: bool = True
) -> dict[int, int]:
    """The tasks after which each trial is told to stop. A trial reports all its tasks before the next trial
    begins.
    """
    scheduler, found = TaskScheduler(_METRIC, mode, tasks, sizes=sizes if listed else ()), {}
    for number, curve in enumerate(curves):
        trial = _Trial(str(number), **({"replay.size": sizes[number]} if sizes else {}))
        scheduler.on_trial_add(None, trial)
        for task, value in enumerate(curve, 1):
            answer = scheduler.on_trial_result(None, trial, {_METRIC: value, "task": task})
            if answer == TrialScheduler.STOP:
                found[number] = task
                break
    return found


_RISING = [[float(10 * number)] * 8 for number in range(1, 5)]


def test_the_poorer_is_stopped_whichever_end_is_better():
    assert _stopped(8, "max", _RISING[::-1]) == {1: 2, 2: 2, 3: 2} and _stopped(8, "max", _RISING) == {}
    assert _stopped(8, "min", _RISING) == {1: 2, 2: 2, 3: 2} and _stopped(8, "min", _RISING[::-1]) == {}


def test_a_trial_is_judged_by_those_with_a_memory_of_its_size():
    curves = _RISING[::-1]
    assert _stopped(8, "max", curves, [64] * 4) == {1: 2, 2: 2, 3: 2}
    assert _stopped(8, "max", curves, [64, 128, 256, 512]) == {}
    assert _stopped(8, "max", curves, [64, 128, 64, 128]) == {2: 2, 3: 2}
    assert _stopped(8, "max", curves, [64, 65, 64, 65]) == {2: 2, 3: 2}


def test_of_a_range_of_sizes_those_with_as_many_binary_digits_are_alike():
    curves = _RISING[::-1]
    assert _stopped(8, "max", curves, [64, 65, 100, 127], listed=False) == {1: 2, 2: 2, 3: 2}
    assert _stopped(8, "max", curves, [63, 64, 128, 127], listed=False) == {3: 2}


def test_those_of_before_are_judged_with_a_memory_of_their_size_as_well():
    known = [
        TrialEntry(
            f"t{size}",
            k,
            {"replay.size": size},
            [{_METRIC: 90.0, "task": t} for t in range(1, 9)],
            "finished",
        )
        for k, size in enumerate((64, 128))
    ]
    scheduler = TaskScheduler(_METRIC, "max", 8, known)
    for size, stops in ((64, True), (256, False)):
        trial = _Trial(f"new {size}", **{"replay.size": size})
        scheduler.on_trial_add(None, trial)
        answer = scheduler.on_trial_result(None, trial, {_METRIC: 10.0, "task": 2})
        assert (answer == TrialScheduler.STOP) is stops


def test_rungs_are_at_two_four_and_eight_tasks():
    good = [90.0] * 16
    for task, rung in ((1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8)):
        poor = [95.0] * (task - 1) + [1.0] * (17 - task)
        assert _stopped(16, "max", [good, poor]) == {1: rung}, task


@pytest.mark.parametrize("tasks", range(1, 34))
def test_no_trial_is_stopped_in_the_last_half_of_a_stream(tasks):
    good, rungs = [90.0] * tasks, set()
    for task in range(1, tasks + 1):
        poor = [95.0] * (task - 1) + [1.0] * (tasks + 1 - task)
        rungs |= set(_stopped(tasks, "max", [good, poor]).values())
    first = 2 if tasks > 3 else 1
    assert rungs == {first * 2**k for k in range(5) if first * 2**k <= tasks / 2} or tasks == 1
    assert rungs == set(SchedulerChoice().stops_after(tasks)) or tasks == 1


def test_the_tasks_after_which_each_rule_may_stop_a_trial():
    assert SchedulerChoice("none").stops_after(9) == []
    assert SchedulerChoice("median").stops_after(9) == [2, 3, 4]
    thirds = SchedulerChoice("asha", {"reduction_factor": 3})
    assert [thirds.stops_after(tasks) for tasks in (5, 11, 12, 36)] == [[2], [2], [2, 6], [2, 6, 18]]


@pytest.mark.parametrize(("tasks", "rung"), [(2, 1), (3, 1), (4, 2)])
def test_a_short_stream_is_judged_from_its_first_task_on(tasks, rung):
    assert _stopped(tasks, "max", [[90.0] * tasks, [1.0] * tasks]) == {1: rung}


def test_the_cut_is_the_median_of_those_that_came_to_the_rung():
    values = [50.0, 60.0, 55.0, 40.0, 70.0, 58.0]
    assert _stopped(4, "max", [[value] * 4 for value in values]) == {3: 2}
