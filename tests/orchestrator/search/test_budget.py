"""What a search may spend, and when it begins no further trial. No Ray is started."""

import copy
import json
import os
import pickle
import re
from types import SimpleNamespace

import optuna
import pytest
from ray.tune.search import Searcher

from orchestrator.commands.sweep_budget import SweepBudget
from orchestrator.commands.sweep_extent import SweepExtent
from orchestrator.errors import UserError
from orchestrator.record import manifest
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.run_options import RunOptions
from orchestrator.search import tuner
from orchestrator.search.budget import Budget
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.search_plan import SearchPlan
from orchestrator.search.spending import Spending

pytestmark = pytest.mark.unit


def _report(hours, gpus=0.0, of="train"):
    return {f"seconds/{of}": 3600.0 * hours, "seconds/checkpoint": 1e6, "seconds/wait": 1e6, "gpus": gpus}


def _trials(*told):
    """Trials by id, each a status and the hours that its tasks took."""
    found = [
        TrialEntry(f"t{n}", n, {}, [_report(h) for h in hours], status)
        for n, (status, *hours) in enumerate(told)
    ]
    return {trial.id: trial for trial in found}


def _spending(budget, trials, most=100, few=4):
    said = []
    made = Spending(budget, trials, few=few, most=most, came_to=lambda count: said.append(count) or True)
    return made, said


@pytest.mark.parametrize(
    ("given", "hours", "text"),
    [
        ("30m", 0.5, "30m"),
        ("2h", 2, "2h"),
        ("1.5h", 1.5, "1.5h"),
        ("100m", 100 / 60, "100m"),
        (".5h", 0.5, "30m"),
    ],
)
def test_a_time_is_minutes_or_hours_and_is_read_back(given, hours, text):
    budget = Budget.time(given, "--time")
    assert (budget, budget.text) == (Budget(hours), text) and Budget.of(text, "x") == budget
    assert budget.option == f"--time {text}"


@pytest.mark.parametrize(
    "hours", [1 / 3, 0.01 / 60, 1e-9, 12345.678, 100 / 60, 99.347, 0.037, 0.05499999999999999]
)
def test_whatever_a_budget_is_its_text_is_it(hours):
    assert Budget.of(Budget(hours).text, "x") == Budget(hours)
    assert Budget.of(Budget(hours, of_gpus=True).text, "x") == Budget(hours, of_gpus=True)


def test_gpu_hours_have_their_name():
    budget = Budget.gpu_hours(4, "--gpu-hours")
    assert (budget.text, budget.option) == ("4 GPU-hours", "--gpu-hours 4")
    assert budget.said == "4 GPU-hours of training and evaluation, summed over its trials"


@pytest.mark.parametrize(
    "given",
    [
        "2",
        "h",
        "2 h",
        "2d",
        "-1h",
        "0h",
        "0.0m",
        "1e3h",
        "nan",
        "inf h",
        "",
        "٣h",
        2,
        True,
        None,
        "1" * 400 + "h",
    ],
)
def test_what_is_no_time_is_one_line(given):
    with pytest.raises(UserError) as refused:
        Budget.time(given, "--time")
    said = str(refused.value)
    assert re.fullmatch(r"--time .{0,63}: allowed are minutes or hours above 0, as 30m, 2h or 1.5h", said)


@pytest.mark.parametrize("given", [0, -1.0, float("nan"), float("inf"), "4", True])
def test_what_are_no_gpu_hours_is_one_line(given):
    with pytest.raises(UserError, match=f"^--gpu-hours {given}: allowed are numbers above 0$"):
        Budget.gpu_hours(given, "--gpu-hours")


def test_training_and_evaluation_count_and_nothing_else():
    reports = [_report(1, 2.0), _report(0.5, 2.0, of="evaluate"), {"task": 3.0}]
    assert Budget(9.0).spent(reports) == pytest.approx(1.5)
    assert Budget(9.0, of_gpus=True).spent(reports) == pytest.approx(3.0)


def test_trials_are_begun_until_the_budget_is_used_up_and_the_last_one_walks_on():
    trials = {}
    spending, said = _spending(Budget(2.0), trials)
    for number in range(9):
        if spending.more() is False:
            break
        trials[f"t{number}"] = TrialEntry(f"t{number}", number, {}, [_report(0.6)], "finished")
    assert len(trials) == spending.count == 4 and said == [4]  # 1.8 of 2 hours after three
    trials.clear()
    spending.end()
    assert spending.more() is False and said == [4], "it is decided once"


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ([("finished", 0.5), ("running",), ("running", 0.2)], True),  # 0.5 + 0.5 + 0.5
        ([("finished", 0.5), ("running",), ("running",), ("running",)], None),  # the fourth would use it up
        ([("finished", 0.5), ("running", 0.9), ("running", 0.6)], False),  # they have spent it already
        ([("stopped", 0.2), ("running",), ("running",), ("running",)], True),
        ([("stopped", 0.7), ("running",), ("running",)], None),
        ([("finished", 0.6), ("running", 0.6), ("running", 0.1)], True),  # 1.3 + 0 + 0.5
        ([("running",), ("running",)], True),  # nothing is known of what one takes
    ],
)
def test_a_trial_under_way_counts_as_those_that_have_ended(told, more):
    """So that what a search spends does not depend on how many run at once."""
    spending, said = _spending(Budget(2.0), _trials(*told))
    assert spending.more() is more and bool(said) is (more is False)


def test_a_failed_trial_counts_by_what_the_task_took_of_others():
    told = [
        ("finished", 0.2, 0.4),
        ("finished", 0.2, 0.6),
        ("failed", 0.2),
    ]  # 1.6, and 0.5 of its second task
    assert _spending(Budget(2.0), _trials(*told))[0].more() is False
    assert _spending(Budget(2.2), _trials(*told))[0].more() is True


def test_a_search_of_which_no_trial_spends_anything_ends():
    told = [("failed",)] * 4
    assert [_spending(Budget(2.0), _trials(*told[:n]))[0].more() for n in (3, 4)] == [True, False]
    spending, said = _spending(Budget(2.0), _trials(*[("finished", 1e-9)] * 7), most=7)
    assert spending.more() is False and said == [7]


def test_that_it_is_used_up_has_to_be_written_down():
    trials = _trials(("finished", 3.0))
    spending = Spending(Budget(2.0), trials, few=1, most=9, came_to=lambda count: False)
    assert spending.more() is False and spending.count is None


def test_a_search_proposes_nothing_more_and_first_what_is_under_way_again():
    answers = [True, None, False]
    known = [TrialEntry("trial_0001", 0, {"x": 0.5})]
    search = TaskSearch(
        lambda trial: trial.suggest_float("x", 0, 1) and None,
        "m",
        "max",
        seed=0,
        tasks=1,
        known=known,
        more=lambda: answers.pop(0),
    )
    assert search.suggest("a")["x"] == 0.5 and len(answers) == 3, "nobody is asked for a trial of before"
    assert isinstance(search.suggest("b"), dict)
    assert (search.suggest("c"), search.suggest("c")) == (None, Searcher.FINISHED)
    assert [t.state for t in search.study.trials] == [optuna.trial.TrialState.RUNNING] * 2


def _extent(folder, trials=None, budget=None, asked="2h", space=None):
    options = RunOptions()
    space = space or SimpleNamespace(
        trials=16, points=lambda most: min(most, 999), config=SimpleNamespace(run=options)
    )
    said = []
    request = SimpleNamespace(budget=asked, trials=None)
    found = SweepExtent.of(request, space, folder, trials, budget and Budget.of(budget, "x"), said.append)
    return found.trials, found.budget and found.budget.text, found.open


def test_how_many_trials_a_budget_came_to_is_kept_until_there_is_more_to_spend(tmp_path):
    assert _extent(None) == (999, "2h", True)
    manifest.count_trials(tmp_path, 5, 3)
    assert _extent(tmp_path) == (999, "2h", True), "it was interrupted"
    manifest.came_to(tmp_path, 7)
    assert _extent(tmp_path) == (7, "2h", False) == _extent(tmp_path, budget="120m")
    assert _extent(tmp_path, budget="3h") == (999, "3h", True)
    manifest.give_budget(tmp_path, "3h")
    assert _extent(tmp_path) == (999, "3h", True), "it was asked for, and had no time to begin"
    manifest.came_to(tmp_path, 9)
    manifest.count_trials(tmp_path, 9, 3)
    assert _extent(tmp_path) == (9, "3h", False) and manifest.first_count(tmp_path) == 7
    kept = json.loads((tmp_path / "manifest.json").read_text())
    assert kept == {"trials": 9, "asked": 9, "tasks": 3, "first": 7, "budget": "3h"}
    manifest.open_budget(tmp_path)
    assert _extent(tmp_path) == (999, "3h", True) and manifest.first_count(tmp_path) == 0
    manifest.came_to(tmp_path, 11)
    assert manifest.first_count(tmp_path) == 11, "what it began with is what it comes to now"


@pytest.mark.parametrize(
    ("asked", "more", "said"),
    [
        ("2h", {"trials": 9}, "--trials 9: the sweep was asked for 2h; allowed: --time 2h, or more, in all"),
        (
            "2h",
            {"budget": "1h"},
            "--time 1h: the sweep was asked for 2h; allowed: --time 2h, or more, in all",
        ),
        (
            "2h",
            {"budget": "4 GPU-hours"},
            "--gpu-hours 4: the sweep was asked for 2h; allowed: --time 2h, or more, in all",
        ),
        (
            None,
            {"budget": "1h"},
            "--time 1h: the sweep was asked for 16 trials; allowed: --trials 16, or more, in all",
        ),
    ],
)
def test_a_sweep_grows_by_what_it_was_given(tmp_path, asked, more, said):
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        _extent(tmp_path, asked=asked, **more)


@pytest.mark.parametrize("options", [RunOptions(device="cpu"), RunOptions(gpus_per_trial=0)])
def test_gpu_hours_need_a_gpu(options):
    budget = Budget(4.0, of_gpus=True)
    with pytest.raises(
        UserError, match="^--gpu-hours 4: a trial holds no GPU here; allowed: --time, as 30m, "
    ):
        budget.check_options(options)
    budget.check_options(RunOptions())
    Budget(4.0).check_options(options)
    with pytest.raises(UserError, match="a trial holds no GPU"):
        budget.check_gpus(0.0)


def test_as_many_run_at_once_as_of_the_search_spaces_own_trials_whatever_it_comes_to():
    plan = SearchPlan(16, given=True)
    assert (plan.lanes, SearchPlan(1, given=True).lanes, SearchPlan(16, 40, given=True).lanes) == (4, 1, 40)
    assert (
        plan.at_once
        == "at most 4 trials at once (a quarter of the search space's 16; --concurrent N for more)"
    )
    assert plan.proposals == (
        "TPE proposes trials; the first 2 and then every fourth, 10 in all, are drawn at random"
    )
    assert SearchPlan(1, sampler="random", given=True).proposals == "all but the start are drawn at random"


def test_it_stays_where_it_is_when_tune_pickles_it():
    """It has the sweep's record, whose files cannot be pickled."""
    spending, _ = _spending(Budget(2.0), _trials(("finished", 3.0)))
    spending.file = open(os.devnull, "w")  # noqa: SIM115
    try:
        assert isinstance(pickle.loads(pickle.dumps(spending.more.__self__)), str)
        assert copy.deepcopy(spending) is spending
    finally:
        spending.file.close()


def test_trials_under_way_are_none_that_spent_nothing():
    told = [("running",), ("running",), ("failed",), ("failed",)]
    assert _spending(Budget(2.0), _trials(*told), few=4)[0].more() is True
    assert _spending(Budget(2.0), _trials(*told), few=2)[0].more() is False


def test_a_budget_that_came_to_a_number_of_trials_says_nothing_more_of_which_begin(tmp_path):
    made = SweepBudget(tmp_path, Budget(2.0), 999, 16)
    store = SimpleNamespace(trials=_trials(("finished", 0.5), ("running", 0.004)))
    recorder = SimpleNamespace(store=store, safely=lambda call, *args: call(*args) is None)
    recorder.came_to = lambda count: manifest.came_to(tmp_path, count)
    assert (made.open, made.trials(), made.said(store)) == (True, 999, "30 min of 2h")
    spending = made.spending(recorder)
    assert spending.more() is True
    spending.end()
    assert made.trials() == 2 and manifest.asked_for(tmp_path) == 2
    again = SweepBudget(tmp_path, Budget(2.0), 2, 16)
    assert (again.open, again.trials(), again.spending(recorder)) == (False, 2, None)
    assert made.more == "--time 4h"
    none = SweepBudget(tmp_path, None, 16, 16)
    assert (none.open, none.trials(), none.spending(recorder), none.said(store), none.more) == (
        False,
        16,
        None,
        "",
        "",
    )


@pytest.mark.parametrize(
    ("hours", "most", "tuned"),
    [
        (2.0, 9, 0),  # 2.4 hours are used up, and the driver died before it noted that
        (9.0, 9, 1),
        (9.0, 3, 0),  # there are as many trials as there may be at most
    ],
)
def test_a_search_that_used_its_budget_up_asks_tune_for_nothing_and_notes_it(hours, most, tuned, monkeypatch):
    trials, asked = _trials(*[("finished", 0.8)] * 3), []
    recorder = SimpleNamespace(store=SimpleNamespace(trials=trials, ended=3), interrupted=False)
    spending, said = _spending(Budget(hours), trials, most=most)
    monkeypatch.setattr(tuner, "_quiet", lambda: None)
    tune = SimpleNamespace(fit=lambda: asked.append(1))
    monkeypatch.setattr(tuner, "_tuner", lambda *_: tune)
    ended = tuner.search(None, None, None, recorder, most, spending)
    assert (ended, len(asked)) == ("interrupted" if tuned else "finished", tuned)
    assert said == ([] if tuned else [3]), "to how many trials it has come"


def test_a_search_with_a_trial_under_way_walks_on_although_the_budget_is_used_up(monkeypatch):
    trials, asked = _trials(("finished", 3.0), ("running",)), []
    recorder = SimpleNamespace(store=SimpleNamespace(trials=trials, ended=1), interrupted=False)
    spending, said = _spending(Budget(2.0), trials)
    monkeypatch.setattr(tuner, "_quiet", lambda: None)
    monkeypatch.setattr(tuner, "_tuner", lambda *_: SimpleNamespace(fit=lambda: asked.append(1)))
    tuner.search(None, None, None, recorder, 100, spending)
    assert len(asked) == 1 and said == []
