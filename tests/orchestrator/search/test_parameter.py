"""The distribution from which a parameter is drawn."""

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from orchestrator.search.parameter import Condition, Parameter


def _fail(key, problem):
    raise AssertionError(f"{key}: {problem}")


def _parameter(**values):
    return Parameter.parse("method.x", values, _fail)


def _drawn(parameter, count=200):
    """The distribution that Optuna was asked for, and values drawn from it at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    values = []
    for _ in range(count):
        trial = study.ask()
        values.append(parameter.suggest(trial))
    return trial.distributions["method.x"], np.array(values)


def test_a_learning_rate_is_searched_on_a_logarithmic_scale():
    distribution, values = _drawn(_parameter(type="float", low=1e-5, high=1e-1, log=True))
    assert distribution == FloatDistribution(1e-5, 1e-1, log=True)
    assert 0.4 < (values < 1e-3).mean() < 0.6, "as many in each decade"


def test_without_log_a_float_is_searched_on_a_linear_scale():
    distribution, values = _drawn(_parameter(type="float", low=1e-5, high=1e-1))
    assert distribution == FloatDistribution(1e-5, 1e-1)
    assert (values < 1e-3).mean() < 0.05


def test_a_step_is_kept():
    distribution, values = _drawn(_parameter(type="float", low=0.1, high=0.5, step=0.2))
    assert distribution == FloatDistribution(0.1, 0.5, step=0.2)
    assert {round(value, 9) for value in values.tolist()} == {0.1, 0.3, 0.5}
    distribution, values = _drawn(_parameter(type="int", low=0, high=128, step=64))
    assert distribution == IntDistribution(0, 128, step=64)
    assert set(values.tolist()) == {0, 64, 128}


def test_integers_with_and_without_log():
    distribution, values = _drawn(_parameter(type="int", low=1, high=1024, log=True))
    assert distribution == IntDistribution(1, 1024, log=True)
    assert 0.35 < (values <= 32).mean() < 0.65
    distribution, values = _drawn(_parameter(type="int", low=1, high=1024))
    assert distribution == IntDistribution(1, 1024)
    assert (values <= 32).mean() < 0.1 and values.dtype.kind == "i"


def test_choices_are_all_drawn():
    distribution, values = _drawn(_parameter(type="categorical", choices=["a", "b", None]))
    assert distribution == CategoricalDistribution(("a", "b", None))
    assert set(values.tolist()) == {"a", "b", None}


@pytest.mark.parametrize(
    ("values", "inside", "outside"),
    [
        ({"type": "float", "low": 0.5, "high": 2.5, "step": 1.0}, [0.5, 1.5, 2.5], [1.0, 2.0, 0.0, 3.5]),
        ({"type": "float", "low": 0.1, "high": 1.0}, [0.1, 1, 0.7], [0.0999, 1.001, True, "0.5", None]),
        ({"type": "int", "low": 2, "high": 8, "step": 3}, [2, 5, 8], [3, 6, 11, 2.0, True]),
        ({"type": "categorical", "choices": [1, 2]}, [1, 2, 1.0], [True, 3, "1"]),
    ],
)
def test_what_a_distribution_can_give(values, inside, outside):
    parameter = _parameter(**values)
    assert all(parameter.contains(value) for value in inside)
    assert not any(parameter.contains(value) for value in outside)


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        (Condition(above=1), [1.001, 5], [1, 0.5, math.nan, "2", True, None]),
        (Condition(below=1), [0.999, -5], [1, 1.5]),
        (Condition(above=0, below=1), [0.5], [0, 1, -1, 2]),
        (Condition(values=(1, "a")), [1, 1.0, "a"], [True, 2, "b", None]),
    ],
)
def test_the_ends_of_a_condition_do_not_hold(condition, holds, fails):
    assert all(condition.holds(value) for value in holds)
    assert not any(condition.holds(value) for value in fails)


def test_all_conditions_must_hold_and_what_is_not_there_does_not():
    when = {"replay.size": {"above": 0}, "replay.policy": "herding"}
    parameter = _parameter(type="float", low=0, high=1, when=when)
    assert parameter.active({"replay.size": 1, "replay.policy": "herding"})
    assert not parameter.active({"replay.size": 0, "replay.policy": "herding"})
    assert not parameter.active({"replay.size": 1, "replay.policy": "random"})
    assert not parameter.active({"replay.size": 1})
    nothing = _parameter(type="float", low=0, high=1, when={"method.y": [None, 1]})
    assert nothing.active({"method.y": None}) and not nothing.active({}), "absent is not null"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"low": 1, "high": 1}, "low: 1 is not below high 1"),
        ({"low": 2, "high": 1}, "low: 2 is not below high 1"),
        ({"low": 0, "high": 1, "log": True}, "low: 0 cannot be on a logarithmic scale"),
        ({"low": 0, "high": 1, "step": 0}, "step: 0 is not above 0"),
        ({"low": 0.0, "high": 1.0, "step": 0.3}, "step: 0.3 does not lead from low 0 to high 1"),
    ],
)
def test_a_range_of_nothing_is_refused(values, problem):
    with pytest.raises(AssertionError, match=problem):
        _parameter(type="float", **values)


def test_both_ends_are_tried():
    assert _parameter(type="float", low=0.5, high=2).ends == (0.5, 2.0)
    assert _parameter(type="categorical", choices=["a", "b"]).ends == ("a", "b")
    assert set(_parameter(type="int", low=0, high=128, step=64).samples) == {0, 64, 128}


@pytest.mark.parametrize(
    ("values", "edges", "inside"),
    [
        (
            {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
            [1e-4, 1.2e-4, 8e-3, 1e-2],
            [1.3e-4, 7e-3],
        ),
        ({"type": "float", "low": 0, "high": 1}, [0.01, 0.05, 0.96], [0.0, 0.06, 0.5, 0.94]),
        ({"type": "float", "low": 0, "high": 1, "step": 0.25}, [1.0], [0.0, 0.25, 0.75]),
        ({"type": "int", "low": 1, "high": 3}, [1, 3], [2]),
        ({"type": "int", "low": 0, "high": 1}, [], [0, 1]),
        ({"type": "categorical", "choices": [0.1, 0.5, 0.3]}, [0.1, 0.5], [0.3]),
        ({"type": "categorical", "choices": [None, 1, 2, 3]}, [1, 3], [None, 2]),
        ({"type": "categorical", "choices": [0, 64]}, [], [0, 64]),
        ({"type": "categorical", "choices": [False, True]}, [], [False, True]),
        ({"type": "categorical", "choices": ["a", "b", "c"]}, [], ["a", "c"]),
    ],
)
def test_the_edge_is_a_twentieth_of_a_range_on_its_own_scale_or_the_least_or_largest_choice(
    values, edges, inside
):
    parameter = _parameter(**values)
    assert all(parameter.at_edge(value) for value in edges)
    assert not any(parameter.at_edge(value) for value in inside)


def test_a_memorys_size_is_a_cost_and_at_no_edge():
    size = Parameter("replay.size", "categorical", choices=(64, 128, 256))
    assert not any(size.at_edge(value) for value in size.choices)
