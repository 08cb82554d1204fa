import json
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler

from orchestrator.search import STATUS, TaskScheduler, TaskSearch

_METRIC = "validation/seen/r_mean"


def _space(trial: optuna.Trial) -> None:
    trial.suggest_float("method.learning_rate", 1e-4, 1e-2, log=True)


def _search(**changes) -> TaskSearch:
    options = {"seed": 1, "tasks": 3, "trials": 8, "start": {"method.learning_rate": 1e-3}}
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
    study = search._ot_study
    assert [t.state for t in study.trials] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert study.best_trial.number == 0 and study.best_value == 50
    assert study.trials[0].intermediate_values == {1: 80, 2: 60, 3: 50}


def test_a_restarted_trial_may_report_again():
    search = _search()
    search.suggest("a")
    for task, value in [(1, 9.0), (2, 8.0), (1, 9.0), (2, 8.0), (3, 7.0)]:
        search.on_trial_result("a", {_METRIC: value, "task": task, "training_iteration": 1})
    search.on_trial_complete("a", {_METRIC: 7.0, "task": 3})
    assert search._ot_study.trials[0].intermediate_values == {1: 9.0, 2: 8.0, 3: 7.0}


def test_the_start_comes_first_and_a_seed_fixes_the_rest():
    first = [_search().suggest(str(i)) for i in range(1)]
    assert first == [{"method.learning_rate": 1e-3}]
    runs = []
    for seed in (1, 1, 2):
        search = _search(seed=seed)
        runs.append([search.suggest(str(i))["method.learning_rate"] for i in range(4)])
    assert runs[0] == runs[1] != runs[2]


def test_the_search_survives_pickling(tmp_path):
    search = _search()
    _walk(search, "a", [80, 60, 50])
    search.save(tmp_path / "state")
    other = _search()
    other.restore(tmp_path / "state")
    assert other._ot_study.best_value == 50
    assert other.suggest("b") == pytest.approx(search.suggest("b"))


class _Trial:
    status = "RUNNING"

    def __init__(self, name: str, finished: bool) -> None:
        self.trial_id = name
        self.is_finished = lambda: finished


class _Controller:
    """Of Tune's, what the scheduler asks."""

    def __init__(self, folder: Path) -> None:
        self.experiment_path = str(folder / "tune")


def _decisions(
    folder: Path, tasks: int, curves: dict[str, list[float]], finished: tuple[str, ...] = ()
) -> dict[str, int]:
    """Tasks after which each trial is told to stop; trials report in turn, task by task. ``finished``: those
    that Tune knows to have ended.
    """
    scheduler, trials, stopped = TaskScheduler(_METRIC, "max", tasks), {}, {}
    for name in curves:
        trials[name] = _Trial(name, name in finished)
        scheduler.on_trial_add(_Controller(folder), trials[name])
    for task in range(1, tasks + 1):
        for name, curve in curves.items():
            if name in stopped or task > len(curve):
                continue
            answer = scheduler.on_trial_result(None, trials[name], {_METRIC: curve[task - 1], "task": task})
            if answer == TrialScheduler.STOP:
                stopped[name] = task
    return stopped


def test_poor_trials_are_stopped_at_the_second_task_first(tmp_path):
    curves = {"good": [50, 80, 70, 60, 50], "late": [90, 20, 20, 20, 20], "poor": [90, 10, 10, 10, 10]}
    assert _decisions(tmp_path, 5, curves) == {"late": 2, "poor": 2}
    assert _decisions(tmp_path, 5, {"one": [90, 80, 70, 60, 50]}) == {}


@pytest.mark.parametrize(("ended", "stopped"), [(True, {"poor": 2}), (False, {})])
def test_after_a_resumption_a_trial_is_judged_by_those_from_before(tmp_path, ended, stopped):
    folder = tmp_path / "trials" / "good"
    folder.mkdir(parents=True)
    reports = [{"task": task, _METRIC: value} for task, value in ((1, 50), (2, 80))]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(r) + "\n" for r in reports))
    finished = ("good",) if ended else ()
    # One whose last task's verdict is not known is told nothing of it.
    assert _decisions(tmp_path, 5, {"good": [], "poor": [90, 10, 10]}, finished) == stopped
