"""Which trial of a sweep is the best, and in which order they are listed."""

import pytest

from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_store import TrialStore

_METRIC = "validation/seen/r_mean"
_TASKS = 3


def _store(folder, mode):
    return TrialStore(folder / "trials", Objective(_METRIC, mode), _TASKS)


def _walk(store, name, values, status="finished"):
    store.start(name, {"method.learning_rate": 1e-3}, {"method": {"name": "ctp"}})
    for task, value in enumerate(values, 1):
        store.report(name, {"task": task, _METRIC: value})
    if status != "running":
        store.end(name, status)


@pytest.fixture(params=["max", "min"])
def store(request, tmp_path):
    """Six trials. Their values after the first task would order them the other way round."""
    store = _store(tmp_path, request.param)
    _walk(store, "middle", [50.0, 50.0, 50.0])
    _walk(store, "low", [90.0, 60.0, 30.0])
    _walk(store, "high", [10.0, 60.0, 70.0])
    # None of these counts, whichever end is better.
    _walk(store, "stopped", [99.0, 1.0], "stopped")
    _walk(store, "failed-low", [1.0, 1.0, 1.0], "failed")
    _walk(store, "failed-high", [99.0, 99.0, 99.0], "failed")
    return store


def test_the_best_is_the_largest_or_the_smallest_after_the_last_task(store):
    assert store.best().id == {"max": "high", "min": "low"}[store.objective.mode]
    assert store.value(store.trials["low"]) == 30.0


def test_one_that_has_not_walked_the_whole_stream_is_not_the_best(tmp_path):
    for mode, value in (("max", 99.0), ("min", 1.0)):
        store = _store(tmp_path / mode, mode)
        _walk(store, "short", [value, value])
        assert store.best() is None
        _walk(store, "whole", [50.0, 50.0, 50.0])
        assert store.best().id == "whole"


def test_the_table_has_the_best_first(store):
    order = [line.split()[0] for line in store.table().splitlines()[1:]]
    whole = {"max": ["3", "1", "2"], "min": ["2", "1", "3"]}[store.objective.mode]
    failed = {"max": ["6", "5"], "min": ["5", "6"]}[store.objective.mode]
    assert order == [*whole, "4", *failed]


def test_of_equal_trials_the_first_by_number_is_best_whichever_began_first(tmp_path):
    for mode in ("max", "min"):
        store = _store(tmp_path / mode, mode)
        for name, number in (("late", 2), ("first", 0), ("next", 1)):
            store.propose(name, {}, {"method": {"name": "ctp"}}, number)
            _walk(store, name, [50.0, 50.0, 50.0])
        assert store.best().id == "first"
        assert [line.split()[0] for line in store.table().splitlines()[1:]] == ["1", "2", "3"]


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), -float("inf"), None])
def test_a_trial_without_a_value_is_neither_the_best_nor_listed_before_one_that_has_it(tmp_path, missing):
    for mode in ("max", "min"):
        store = _store(tmp_path / mode, mode)
        store.start("lost", {}, {"method": {"name": "ctp"}})
        for task in (1, 2, 3):
            store.report("lost", {"task": task} | ({} if missing is None else {_METRIC: missing}))
        store.end("lost", "finished")
        assert store.best() is None
        _walk(store, "known", [5.0, 5.0, {"max": -5.0, "min": 5.0}[mode]])
        assert store.best().id == "known"
        assert [line.split()[0] for line in store.table().splitlines()[1:]] == ["2", "1"]
