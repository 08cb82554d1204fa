import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler

from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.result_keys import INFEASIBLE, STATUS, TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.scheduler import TaskScheduler

_METRIC = "validation/seen/r_mean"


def _space(trial: optuna.Trial) -> None:
    trial.suggest_float("method.learning_rate", 1e-4, 1e-2, log=True)


def _search(**changes) -> TaskSearch:
    options = {"seed": 1, "tasks": 3, "starts": [{"method.learning_rate": 1e-3}]}
    return TaskSearch(_space, _METRIC, "max", **(options | changes))


def _walk(search: TaskSearch, trial_id: str, values: list[float], **last) -> None:
    search.suggest(trial_id)
    result = {}
    for task, value in enumerate(values, 1):
        result = {_METRIC: value, "task": task, STATUS: "running", "training_iteration": task}
        search.on_trial_result(trial_id, result)
    search.on_trial_complete(trial_id, {**result, **last})


def test_a_stopped_trial_is_pruned_and_cannot_be_the_best():
    search = _search()
    _walk(search, "whole", [80, 60, 50])
    _walk(search, "stopped", [84])
    _walk(search, "failed", [], **{STATUS: "failed", "task": 0})
    study = search.study
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert study.best_trial.number == 0 and study.best_value == 50
    assert study.trials[0].intermediate_values == {1: 80, 2: 60, 3: 50}
    search.on_trial_complete("stopped", {_METRIC: 99.0, "task": 3, STATUS: "running"})  # told twice
    assert [t.value for t in study.trials] == [50, 84, None]


def test_a_restarted_trial_may_report_again():
    search = _search()
    search.suggest("a")
    for task, value in [(1, 9.0), (2, 8.0), (1, 9.0), (2, 8.0), (3, 7.0)]:
        search.on_trial_result("a", {_METRIC: value, "task": task, "training_iteration": 1})
    search.on_trial_complete("a", {_METRIC: 7.0, "task": 3})
    assert search.study.trials[0].intermediate_values == {1: 9.0, 2: 8.0, 3: 7.0}


def test_the_start_comes_first_and_a_seed_fixes_the_rest():
    assert _search().suggest("a") == {
        "method.learning_rate": 1e-3,
        TRIAL: {"id": "trial_0001", "number": 0},
    }
    runs = []
    for seed in (1, 1, 2):
        search = _search(seed=seed)
        runs.append([search.suggest(str(i))["method.learning_rate"] for i in range(4)])
    assert runs[0] == runs[1] != runs[2]


def _proposals(search: TaskSearch, count: int) -> list[tuple]:
    found = []
    for _ in range(count):
        proposal = search.suggest(f"tune's {len(search.asked)}")
        found.append((proposal[TRIAL]["id"], proposal["method.learning_rate"]))
    return found


def test_a_resumed_search_proposes_what_an_undisturbed_one_does():
    curves = {number: [80 - 3.0 * number, 60, 50 + 7.0 * (number % 3)] for number in range(7)}
    curves[2] = curves[2][:1]  # stopped early
    curves[3] = [99.0, 98.0]  # then it diverged
    undisturbed, entries = _search(), []
    for number, curve in curves.items():
        ((name, rate),) = _proposals(undisturbed, 1)
        entry = TrialEntry(name, number, {"method.learning_rate": rate})
        entry.reports = [{"task": task, _METRIC: value} for task, value in enumerate(curve, 1)]
        entry.status = "running" if number == 6 else "finished" if len(curve) == 3 else "stopped"
        last = {**entry.reports[-1], STATUS: "running"}
        if number == 3:
            entry.status, entry.infeasible = "failed", True
            last = {"task": 2, STATUS: "failed", INFEASIBLE: True}
        # Tune tells a search nothing of the report at which a trial is stopped.
        told = entry.reports[:-1] if entry.status == "stopped" else entry.reports
        for report in told:
            undisturbed.on_trial_result(f"tune's {number}", {**report, "training_iteration": report["task"]})
        if entry.status != "running":
            undisturbed.on_trial_complete(f"tune's {number}", last)
        entries.append(entry)
    resumed = _search(known=entries)
    # The one under way comes first, as itself; what it reported is heard again.
    assert _proposals(resumed, 1) == [(entries[-1].id, entries[-1].values["method.learning_rate"])]
    for report in entries[-1].reports:
        resumed.on_trial_result("tune's 0", {**report, "training_iteration": report["task"]})
    for one, other in zip(undisturbed.study.trials, resumed.study.trials, strict=True):
        assert (one.number, one.state, one.params, one.distributions) == (
            (other.number, other.state, other.params, other.distributions)
        )
        assert (one.values, one.intermediate_values) == (other.values, other.intermediate_values)
    # Past the random trials: the sampler has its say.
    assert _proposals(resumed, 3) == _proposals(undisturbed, 3)
    assert [name for name, _ in _proposals(resumed, 1)] == ["trial_0011"]


def test_a_trial_that_was_proposed_and_never_began_is_proposed_again():
    (first, second) = _proposals(_search(), 2)
    known = [TrialEntry(second[0], 1, {"method.learning_rate": second[1]})]
    assert _proposals(_search(known=known), 2) == [second, first]
    begun = TrialEntry(first[0], 0, {"method.learning_rate": first[1]})
    assert _proposals(_search(known=[begun, *known]), 2) == [first, second], "each with its own point"


class _Trial:
    status = "RUNNING"

    def __init__(self, name: str) -> None:
        self.trial_id = f"tune's {name}"
        self.config = {TRIAL: {"id": name}}


def _decisions(tasks: int, curves: dict[str, list[float]], known: list[TrialEntry] = ()) -> dict[str, int]:
    """The tasks after which each trial is told to stop. Trials report in turn, task by task."""
    scheduler, trials, stopped = TaskScheduler(_METRIC, "max", tasks, known), {}, {}
    for name in curves:
        trials[name] = _Trial(name)
        scheduler.on_trial_add(None, trials[name])
    for task in range(1, tasks + 1):
        for name, curve in curves.items():
            if name in stopped or task > len(curve):
                continue
            answer = scheduler.on_trial_result(None, trials[name], {_METRIC: curve[task - 1], "task": task})
            if answer == TrialScheduler.STOP:
                stopped[name] = task
    return stopped


def test_poor_trials_are_stopped_at_the_second_task_first():
    curves = {"good": [50, 80, 70, 60, 50], "late": [90, 20, 20, 20, 20], "poor": [90, 10, 10, 10, 10]}
    assert _decisions(5, curves) == {"late": 2, "poor": 2}
    assert _decisions(5, {"one": [90, 80, 70, 60, 50]}) == {}


@pytest.mark.parametrize(("status", "stopped"), [("finished", {"poor": 2}), ("running", {})])
def test_after_a_resumption_a_trial_is_judged_by_those_from_before(status, stopped):
    good = TrialEntry("good", 0, {}, [{"task": 1, _METRIC: 50}, {"task": 2, _METRIC: 80}], status)
    # One whose last task's verdict is not known is told nothing of it.
    assert _decisions(5, {"good": [], "poor": [90, 10, 10]}, [good]) == stopped
    good.verdicts = {1: True, 2: True}
    assert _decisions(5, {"good": [], "poor": [90, 10, 10]}, [good]) == {"poor": 2}


def test_one_that_is_resumed_is_not_judged_again_at_a_task_that_it_has_passed():
    passed = TrialEntry("old", 0, {}, [{"task": t, _METRIC: 50.0} for t in (1, 2, 3)], "running")
    passed.verdicts = {1: True, 2: True, 3: True}
    better = [TrialEntry(n, k, {}, [{"task": 2, _METRIC: 80.0}], "stopped") for k, n in enumerate("abc", 1)]
    assert _decisions(5, {"old": [50, 50, 50]}, [passed, *better]) == {}
    assert _decisions(5, {"new": [50, 50, 50]}, better) == {"new": 2}


def test_a_stop_that_nobody_acted_on_before_the_interruption_is_one_after_it():
    best = TrialEntry("best", 0, {}, [{"task": t, _METRIC: 50.0} for t in (1, 2)], "running")
    best.verdicts = {1: True, 2: False}  # as others had done better by then
    assert _decisions(5, {"best": [50, 50, 50]}, [best]) == {"best": 2}


def test_where_nothing_can_be_written_down_nothing_more_is_begun():
    asked = []

    def write_down(*said):
        asked.append(said)
        return False

    assert _search(write_down=write_down).suggest("a") is None
    assert asked == [("trial_0001", {"method.learning_rate": 1e-3}, 0)]
    scheduler = TaskScheduler(_METRIC, "max", 5, write_down=write_down)
    good, poor = _Trial("good"), _Trial("poor")
    for trial, value in ((good, 80.0), (poor, 10.0)):
        scheduler.on_trial_add(None, trial)
        assert scheduler.on_trial_result(None, trial, {_METRIC: value, "task": 2}) == TrialScheduler.STOP
    assert asked[1:] == [("good", 2, True), ("poor", 2, False)]
    scheduler.on_trial_result(None, poor, {"task": 3, STATUS: "failed"})
    assert len(asked) == 3, "a failure is no verdict"
