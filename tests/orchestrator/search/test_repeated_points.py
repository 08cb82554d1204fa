"""A point of the search space is trained once."""

import itertools

import optuna
import pytest

from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.parameter import Condition, Parameter
from orchestrator.search.result_keys import STATUS, TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.space import Space

_METRIC = "validation/average"
_HEAD = Parameter("method.head", "categorical", choices=("linear", "adapter"))
_EPOCHS = Parameter("method.epochs", "int", low=1, high=3)
_BEST = {"method.head": "linear", "method.epochs": 2}


def _space(*parameters):
    space = Space.load("clip-finetune")
    values = {p.key: space.start_config.flat()[p.key] for p in space.parameters}
    empty = space.without(values)
    return type(space)(**{**vars(empty), "parameters": parameters, "starts": ()})


def _search(space, seed=0, known=()):
    return TaskSearch(space.suggest, _METRIC, "max", seed=seed, tasks=1, known=known)


def _walk(search, count):
    """The points of so many trials; TPE is drawn to one of them."""
    points = []
    for number in range(count):
        name = f"tune {len(search.asked)} {number}"
        proposal = search.suggest(name)
        points.append({key: value for key, value in proposal.items() if key != TRIAL})
        result = {_METRIC: 90.0 if points[-1] == _BEST else 1.0, "task": 1, STATUS: "running"}
        search.on_trial_complete(name, result | {"training_iteration": 1})
    return points


def _different(points):
    return len({frozenset(point.items()) for point in points})


@pytest.mark.parametrize("seed", range(4))
def test_six_trials_of_a_space_of_six_points_are_its_six_points(seed):
    space = _space(_HEAD, _EPOCHS)
    points = _walk(_search(space, seed), 6)
    every = [dict(zip(_BEST, values, strict=True)) for values in itertools.product(_HEAD.choices, (1, 2, 3))]
    assert sorted(map(str, points)) == sorted(map(str, every))


def test_a_large_space_that_the_search_has_narrowed_down_gives_no_point_twice():
    wide = Parameter("method.epochs", "int", low=1, high=15)
    points = _walk(_search(_space(_HEAD, wide)), 24)
    assert _different(points) == 24


def test_a_rare_point_is_found_as_well():
    linear = {"method.head": Condition(("linear",))}
    rare = Parameter("method.epochs", "int", low=1, high=12, log=True, when=linear)
    space = _space(_HEAD, rare)
    assert space.points(1000) == 13
    assert _different(_walk(_search(space), 13)) == 13


def test_a_resumed_search_repeats_no_point_of_before_and_goes_on_as_an_undisturbed_one():
    space = _space(_HEAD, _EPOCHS)
    whole = _walk(_search(space), 6)
    reports = [[{"task": 1, _METRIC: 90.0 if point == _BEST else 1.0}] for point in whole]
    known = [
        TrialEntry(f"trial_{number + 1:04d}", number, point, report, "finished")
        for number, (point, report) in enumerate(zip(whole[:4], reports, strict=False))
    ]
    assert _walk(_search(space, known=known), 2) == whole[4:]
    # One that failed was trained as well.
    known[0].status, known[0].reports = "failed", []
    assert _different([*whole[:4], *_walk(_search(space, known=known), 2)]) == 6


def test_a_sampler_is_told_nothing_of_what_was_drawn_again():
    search = _search(_space(_HEAD, _EPOCHS))
    _walk(search, 6)
    told = search.study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert _different([trial.params for trial in told]) == len(told) == 6
    others = (optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.PRUNED)
    assert not search.study.get_trials(states=others)


@pytest.mark.parametrize("seed", range(4))
def test_the_sampler_draws_another_point_before_chance_does(monkeypatch, seed):
    wide = Parameter("method.epochs", "int", low=1, high=15)
    monkeypatch.setattr(TaskSearch, "_any_other", lambda *_: pytest.fail("each draw is another"))
    assert _different(_walk(_search(_space(_HEAD, wide), seed), 12)) == 12


def test_what_chance_draws_is_the_seeds_and_the_trials(monkeypatch):
    monkeypatch.setattr("orchestrator.search.sampler._DRAWS", 0)
    wide = Parameter("method.epochs", "int", low=1, high=1000)
    first, again, other = (_walk(_search(_space(_HEAD, wide), seed), 8) for seed in (0, 0, 1))
    assert first == again and not any(point in other for point in first)


_RATE = Parameter("method.learning_rate", "float", low=1e-4, high=1e-2, log=True)
_LATER = Parameter("a", "categorical", choices=(1, 2, 3), when={"method.epochs": Condition(above=1)})
_NEVER = Parameter("b", "float", low=0.0, high=1.0, when={"method.head": Condition(("none",))})
_STEP = Parameter("method.learning_rate", "float", low=0.0, high=0.3, step=0.1)


@pytest.mark.parametrize(
    ("parameters", "points"),
    [
        ((), 1),
        ((_HEAD,), 2),
        ((_HEAD, _EPOCHS), 6),
        ((_STEP,), 4),
        ((_HEAD, _RATE), 50),
        ((Parameter("method.epochs", "int", low=1, high=10**12),), 50),
        ((Parameter("method.epochs", "int", low=2, high=10, step=4),), 3),
        # Two of its values go with three more each, one with none.
        ((_EPOCHS, _LATER), 7),
        ((_HEAD, _NEVER), 2),
        (
            (Parameter("a", "categorical", choices=(1, 2, 3), when={"method.head": Condition(("linear",))}),),
            3,
        ),
    ],
    ids=[
        "none",
        "choices",
        "product",
        "steps",
        "continuous",
        "many",
        "int steps",
        "condition",
        "never",
        "condition on what is fixed",
    ],
)
def test_the_points_of_a_space_are_counted(parameters, points):
    space = _space(*parameters)
    assert space.points(50) == points
    assert space.points(1) == 1
