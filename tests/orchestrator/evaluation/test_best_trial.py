"""Which trial of a sweep is the best, and in which order they are listed."""

import pytest

from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_store import TrialStore

_METRIC = "validation/seen/r_mean"
_TASKS = 3


def _book(folder, mode):
    return TrialStore(folder / "trials", Objective(_METRIC, mode), _TASKS)


def _walk(book, name, values, status="finished"):
    book.start(name, {"method.learning_rate": 1e-3}, {"method": {"name": "ctp"}})
    for task, value in enumerate(values, 1):
        book.report(name, {"task": task, _METRIC: value})
    if status != "running":
        book.end(name, status)


@pytest.fixture(params=["max", "min"])
def book(request, tmp_path):
    """Six trials. Their values after the first task would order them the other way round."""
    book = _book(tmp_path, request.param)
    _walk(book, "middle", [50.0, 50.0, 50.0])
    _walk(book, "low", [90.0, 60.0, 30.0])
    _walk(book, "high", [10.0, 60.0, 70.0])
    # None of these counts, whichever end is better.
    _walk(book, "stopped", [99.0, 1.0], "stopped")
    _walk(book, "failed-low", [1.0, 1.0, 1.0], "failed")
    _walk(book, "failed-high", [99.0, 99.0, 99.0], "failed")
    return book


def test_the_best_is_the_largest_or_the_smallest_after_the_last_task(book):
    assert book.best().id == {"max": "high", "min": "low"}[book.objective.mode]
    assert book.value(book.trials["low"]) == 30.0


def test_one_that_has_not_walked_the_whole_stream_is_not_the_best(tmp_path):
    for mode, value in (("max", 99.0), ("min", 1.0)):
        book = _book(tmp_path / mode, mode)
        _walk(book, "short", [value, value])
        assert book.best() is None
        _walk(book, "whole", [50.0, 50.0, 50.0])
        assert book.best().id == "whole"


def test_the_table_has_the_best_first(book):
    order = [line.split()[0] for line in book.table().splitlines()[1:]]
    whole = {"max": ["3", "1", "2"], "min": ["2", "1", "3"]}[book.objective.mode]
    failed = {"max": ["6", "5"], "min": ["5", "6"]}[book.objective.mode]
    assert order == [*whole, "4", *failed]


def test_of_equal_trials_the_first_by_number_is_best_whichever_began_first(tmp_path):
    for mode in ("max", "min"):
        book = _book(tmp_path / mode, mode)
        for name, number in (("late", 2), ("first", 0), ("next", 1)):
            book.propose(name, {}, {"method": {"name": "ctp"}}, number)
            _walk(book, name, [50.0, 50.0, 50.0])
        assert book.best().id == "first"
        assert [line.split()[0] for line in book.table().splitlines()[1:]] == ["1", "2", "3"]


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), -float("inf"), None])
def test_a_trial_without_a_value_is_neither_the_best_nor_listed_before_one_that_has_it(tmp_path, missing):
    for mode in ("max", "min"):
        book = _book(tmp_path / mode, mode)
        book.start("lost", {}, {"method": {"name": "ctp"}})
        for task in (1, 2, 3):
            book.report("lost", {"task": task} | ({} if missing is None else {_METRIC: missing}))
        book.end("lost", "finished")
        assert book.best() is None
        _walk(book, "known", [5.0, 5.0, {"max": -5.0, "min": 5.0}[mode]])
        assert book.best().id == "known"
        assert [line.split()[0] for line in book.table().splitlines()[1:]] == ["2", "1"]
