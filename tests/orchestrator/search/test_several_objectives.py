"""A search for several objectives: what its file says, what Optuna is told, and who proposes."""

import optuna
import pytest

from orchestrator.errors import UserError
from orchestrator.evaluation.objective import Objective
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.result_keys import TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.sampler_choice import SamplerChoice
from orchestrator.search.space import Space

pytestmark = pytest.mark.unit
optuna.logging.set_verbosity(optuna.logging.WARNING)

_A, _B = "validation/average", "replay/bytes"
_GOAL = Objective(_A, "max", others=(Objective(_B, "min", bound=60.0),))
_FILE = """\
method: er
stream: shapes-retrieval
trials: 6
objectives:
  - {metric: validation/average, mode: max, at_least: 20}
  - {metric: replay/bytes, mode: min, at_most: 100000}
  - {metric: validation/forgetting, mode: min}
search:
  replay.size: {type: categorical, choices: [8, 16, 32]}
  method.learning_rate: {type: float, low: 1e-4, high: 1e-2, log: true}
"""


def _load(tmp_path, old="", new=""):
    assert old in _FILE
    path = tmp_path / "space.yaml"
    path.write_text(_FILE.replace(old, new))
    return Space.load(path)


def test_a_file_has_a_list_of_objectives_the_first_with_the_others(tmp_path):
    space = _load(tmp_path)
    assert [(one.metric, one.mode, one.bound) for one in space.objective.all] == [
        (_A, "max", 20.0),
        (_B, "min", 100000.0),
        ("validation/forgetting", "min", None),
    ]
    assert space.turns == () and space.plan(6, None).sizes == 1, "no size of the memory takes a turn"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (
            "trials: 6",
            "trials: 6\nobjective: {metric: validation/average, mode: max}",
            "5: objectives: is giv",
        ),
        (
            ", at_least: 20",
            ", at_most: 20",
            "4: objectives.1.at_most: the mode of validation/average is max; al",
        ),
        ("at_most: 100000", "at_most: many", "4: objectives.2.at_most: 'many': allowed are numbers"),
        ("at_most: 100000", "at_most: .nan", "4: objectives.2.at_most: nan: allowed are numbers"),
        ("replay/bytes", "validation/average", "4: objectives.2.mode: 'min': more validation/average is"),
        (
            "replay/bytes, mode: min",
            "validation/average, mode: max",
            "4: objectives.2.metric: 'validation/av",
        ),
        (
            "replay/bytes",
            "replay/byte",
            "4: objectives.2.metric: unknown metric 'replay/byte'; did you mean re",
        ),
        ("forgetting", "nothing", "4: objectives.3.metric: unknown metric 'validation/nothing'"),
        (
            "validation/forgetting",
            "test/forgetting",
            "4: objectives.3.metric: 'test/forgetting': a search must",
        ),
        ("average, mode: max", "forgetting, mode: min", "4: objectives.1.metric: unknown metric"),
        ("mode: max, at_least", "mode: max, no_less", "4: objectives.1: expected the keys metric, mode"),
        (
            _FILE[_FILE.index("  -") : _FILE.index("search")],
            "  3\n",
            "objectives: expected a list of two or mo",
        ),
        ("trials: 6", "trials: 6\nscheduler: median", ""),
    ],
)
def test_what_is_wrong_with_an_objective_is_a_line_of_the_file(tmp_path, old, new, why):
    if not why:
        space = _load(tmp_path, old, new)
        with pytest.raises(
            UserError, match="scheduler median compares one objective; allowed are asha, none$"
        ):
            space.searched_by(None, None)
        return
    with pytest.raises(UserError) as raised:
        _load(tmp_path, old, new)
    assert why in str(raised.value)


def _space(trial):
    return {"x": trial.suggest_float("x", 0, 1), "n": trial.suggest_categorical("n", [0, 40, 80])}


def _reports(values, tasks=4):
    """More memory is better, and x is best at 0.3."""
    score = 50 - 100 * abs(values["x"] - 0.3) + values["n"] / 10
    return [{"task": task, _A: score - task, _B: float(values["n"])} for task in range(1, tasks + 1)]


def _search(name, known=(), **options):
    choice = SamplerChoice(name, options)
    how = {"seed": 3, "tasks": 4, "known": known, "choice": choice, "objective": _GOAL}
    return TaskSearch(_space, _A, "max", **how)


def _drive(search, count, entries, asked=0):
    """Walks trials one after the other; the second stops, the third diverges, the fifth fails."""
    for k in range(count):
        values = search.suggest(f"tune {asked + k}")
        which = values.pop(TRIAL)
        entry = TrialEntry(which["id"], which["number"], values, _reports(values), "finished")
        told = {"task": 4, "status": "running"}
        if entry.number == 1:
            entry.status, entry.reports, told["task"] = "stopped", entry.reports[:2], 2
        if entry.number in (2, 4):
            entry.status, entry.reports, entry.infeasible = "failed", [], entry.number == 2
            told = {"task": 0, "status": "failed", **({"infeasible": True} if entry.infeasible else {})}
        search.on_trial_complete(f"tune {asked + k}", told | _GOAL.told(entry.reports))
        entries.append(entry)
    return entries


@pytest.mark.parametrize(
    ("name", "count"), [("tpe", 16), ("nsga2", 16), ("gp", 6), ("random", 9), ("qmc", 9)]
)
def test_a_resumed_search_proposes_what_an_undisturbed_one_does(name, count):
    whole = _drive(_search(name), count, [])
    rest = _drive(_search(name, known=whole[:-2]), 2, whole[:-2], asked=count)
    assert [entry.values for entry in rest] == [entry.values for entry in whole]


def test_optuna_is_told_all_values_of_whole_trials_and_what_is_beyond_a_bound():
    search = _search("random")
    entries = _drive(search, 8, [])
    again = _search("random", known=entries)
    for study in (search.study, again.study):
        for trial, entry in zip(study.trials, entries, strict=True):
            states = {1: "PRUNED", 2: "PRUNED", 4: "FAIL"}
            assert trial.state.name == states.get(entry.number, "COMPLETE")
            if trial.state.name == "COMPLETE":
                assert trial.values == list(_GOAL.told(entry.reports).values())
                assert trial.constraints == {_B: (entry.values["n"] - 60) / 60}
            else:
                assert trial.values is None and trial.constraints == {}
    assert {entry.values["n"] for entry in entries} == {0, 40, 80}
    assert all(trial.values[1] <= 60 for trial in search.study.best_trials)


def test_a_trial_that_was_stopped_before_an_objective_had_a_value_is_no_failed_one():
    goal = Objective(_A, "max", others=(Objective("validation/forgetting", "min"),))
    choice = SamplerChoice("random", {})
    search = TaskSearch(_space, _A, "max", seed=3, tasks=3, choice=choice, objective=goal)
    which = search.suggest("tune 0").pop(TRIAL)
    search.on_trial_complete("tune 0", {"task": 1, "status": "running", _A: 40.0})
    values = {"x": 0.5, "n": 40}
    known = [TrialEntry(which["id"], 0, values, [{"task": 1, _A: 40.0}], "stopped")]
    again = TaskSearch(_space, _A, "max", seed=3, tasks=3, known=known, choice=choice, objective=goal)
    assert [s.study.trials[0].state.name for s in (search, again)] == ["PRUNED", "PRUNED"]


def _far(search):
    """How far from the best x the later half of 60 proposals is on average; random draws are at 0.29."""
    entries = _drive(search, 60, [])[30:]
    return sum(abs(entry.values["x"] - 0.3) for entry in entries) / len(entries)


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_who_learns_proposes_near_to_the_pareto_set(name):
    assert _far(_search(name)) < 0.19 < 0.23 < _far(_search("random"))


def test_with_one_objective_nsga2_goes_where_it_is_better():
    assert _far(TaskSearch(_space, _A, "max", seed=3, tasks=4, choice=SamplerChoice("nsga2"))) < 0.19
