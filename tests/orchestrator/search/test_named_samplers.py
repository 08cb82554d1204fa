"""Samplers by name: what each proposes, that a resumed search goes on with it, and what is refused."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import optuna
import pytest
from scipy.stats import qmc

from orchestrator.errors import UserError
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.grid import grid
from orchestrator.search.result_keys import TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.sampler_choice import SamplerChoice
from orchestrator.search.search_plan import SearchPlan
from orchestrator.search.space import Space

_METRIC = "validation/seen/r_mean"
_RATE, _DECAY, _KIND = "method.learning_rate", "method.weight_decay", "method.kind"
_NAMES = ("tpe", "random", "gp", "qmc")


def _space(trial: optuna.Trial) -> None:
    if trial.suggest_categorical(_KIND, ["a", "b"]) == "b":
        trial.suggest_float(_DECAY, 0.0, 1.0)
    trial.suggest_float(_RATE, 1e-4, 1e-2, log=True)


def _worth(point) -> float:
    return -abs(math.log10(point[_RATE]) + 3) - point.get(_DECAY, 0.5)


def _walk(name: str, count: int, known=(), seed=1, space=_space, **how) -> list[dict]:
    choice = SamplerChoice(name, how.pop("options", {}))
    search = TaskSearch(
        space,
        _METRIC,
        "max",
        seed=seed,
        tasks=1,
        starts=how.pop("starts", ()),
        known=known,
        choice=choice,
        **how,
    )
    points = []
    for number in range(count):
        points.append({key: value for key, value in search.suggest(str(number)).items() if key != TRIAL})
        search.on_trial_complete(str(number), {_METRIC: _worth(points[-1]), "task": 1})
    return points


@cache
def _whole(name: str) -> list[dict]:
    """Nine points, which several tests look at."""
    return _walk(name, 9)


def _entries(points) -> list[TrialEntry]:
    return [
        TrialEntry(f"trial_{k + 1:04d}", k, point, [{_METRIC: _worth(point), "task": 1}], "finished")
        for k, point in enumerate(points)
    ]


@pytest.mark.parametrize("name", _NAMES)
def test_a_seed_fixes_the_proposals_and_a_resumed_search_goes_on_with_them(name):
    whole = _whole(name)
    assert _walk(name, 9) == whole and _walk(name, 3, seed=2) != whole[:3]
    assert len({point[_RATE] for point in whole}) == 9
    assert _walk(name, 4, known=_entries(whole[:5])) == whole[5:]


def test_what_is_proposed_depends_on_what_was_found_where_the_sampler_learns():
    def other(point):
        return math.log10(point[_RATE])

    found = {}
    for name in _NAMES:
        usual = _whole(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(globals(), "_worth", other)
            found[name] = _walk(name, 9) != usual
    assert found == {name: SamplerChoice(name).learns for name in _NAMES}
    assert found == {"tpe": True, "random": False, "gp": True, "qmc": False}


def _two(trial: optuna.Trial) -> None:
    trial.suggest_float(_DECAY, 0.0, 1.0)
    trial.suggest_float(_RATE, 1e-4, 1e-2, log=True)


def _unit(point) -> list[float]:
    return [(math.log10(point[_RATE]) + 4) / 2, point[_DECAY]]


def test_a_gaussian_process_finds_a_peak_that_random_draws_miss():
    best = {name: max(map(_worth, _walk(name, 16, space=_two))) for name in ("random", "gp")}
    assert best["gp"] > -0.05 > best["random"]


@pytest.mark.parametrize("options", [{}, {"qmc_type": "halton"}, {"scramble": False}])
def test_a_sequences_points_fill_the_space_evenly(options):
    points = np.array([_unit(point) for point in _walk("qmc", 32, space=_two, options=options)])
    kind = qmc.Halton if options.get("qmc_type") == "halton" else qmc.Sobol
    wanted = kind(2, scramble=options.get("scramble", True), seed=1).random(32)
    np.testing.assert_allclose(points, wanted, atol=1e-9)
    at_random = np.array([_unit(point) for point in _walk("random", 32, space=_two)])
    assert qmc.discrepancy(points) < qmc.discrepancy(at_random) / 4


def test_each_size_of_the_memory_has_the_same_points_of_a_sequence():
    def sized(trial):
        trial.suggest_categorical("replay.size", [8, 16])
        _two(trial)

    points = _walk("qmc", 6, space=sized, sizes=(8, 16))
    assert [point["replay.size"] for point in points] == [8, 16] * 3
    assert [_unit(point) for point in points[::2]] == [_unit(point) for point in points[1::2]]


_FILE = """method: ctp
stream: shapes-retrieval
objective: {metric: validation/seen/r_mean, mode: max}
trials: 4
sampler: SAMPLER
scheduler: SCHEDULER
start: {method.learning_rate: 2.0e-4, replay.size: 0}
search:
  method.learning_rate: RATES
  replay.size: {type: categorical, choices: [0, 8, 16]}
  replay.policy: {type: categorical, choices: [random, herding], when: {replay.size: {above: 0}}}
"""
_STEPS = "{type: float, low: 1.0e-4, high: 3.0e-4, step: 1.0e-4}"


def _file(folder: Path, sampler="tpe", scheduler="asha", rates=_STEPS) -> Path:
    text = _FILE.replace("SAMPLER", sampler).replace("SCHEDULER", scheduler).replace("RATES", rates)
    (folder / "s.yaml").write_text(text)
    return folder / "s.yaml"


def test_a_grid_has_each_point_once_the_start_first(tmp_path):
    space = Space.load(_file(tmp_path, "grid"))
    points = grid(space)
    assert len(points) == 14 and space.points(99) == 15
    assert len({str(point) for point in points}) == 14
    options = {"starts": [dict(space.start)], "grid": points, "space": space.suggest}
    found = _walk("grid", 15, **options)
    assert found[0] == space.start
    assert sorted(map(str, found)) == sorted(map(str, [space.start, *points]))
    assert found[1:] != points, "in an order that the seed draws"
    assert _walk("grid", 15, seed=2, **options) != found
    assert _walk("grid", 6, known=_entries(found[:9]), **options) == found[9:]


def test_what_is_no_grid_is_refused(tmp_path, monkeypatch):
    ranged = "{type: float, low: 1.0e-4, high: 3.0e-4}"
    why = r"^sampler grid: method.learning_rate is any of 0.0001 .. 0.0003; allowed: choices, or a step$"
    with pytest.raises(UserError, match=why):
        grid(Space.load(_file(tmp_path, "grid", rates=ranged)))
    monkeypatch.setattr("orchestrator.search.grid._LARGEST", 14)
    with pytest.raises(UserError, match="^sampler grid: the space has more than 14 points; allowed: fewer$"):
        grid(Space.load(_file(tmp_path, "grid")))


@pytest.mark.parametrize(
    ("sampler", "scheduler", "why"),
    [
        ("anneal", "asha", "5: sampler: 'anneal': allowed are tpe, random, gp, nsga2, qmc, grid"),
        ("{seed: 3}", "asha", "5: sampler.name: None: allowed are tpe, random, gp, nsga2, qmc, grid"),
        ("{name: gp, seed: 3}", "asha", "5: sampler.seed: no option of gp; allowed: deterministic_objective"),
        ("{name: grid, seed: 3}", "asha", "5: sampler.seed: no option of grid; allowed: none"),
        (
            "{name: qmc, qmc_type: lattice}",
            "asha",
            "5: sampler.qmc_type: 'lattice': allowed are sobol, halton",
        ),
        ("{name: qmc, scramble: 1}", "asha", "5: sampler.scramble: 1: allowed are false, true"),
        ("{name: tpe, n_ei_candidates: 0}", "asha", "5: sampler.n_ei_candidates: 0: allowed is 1 or more"),
        (
            "{name: tpe, n_ei_candidates: x}",
            "asha",
            "5: sampler.n_ei_candidates: 'x': allowed are whole numbers",
        ),
        ("tpe", "hyperband", "6: scheduler: 'hyperband': allowed are asha, median, none"),
        ("tpe", "{name: median, margin: -1}", "6: scheduler.margin: -1: allowed is 0 or more"),
        ("tpe", "{name: median, margin: .nan}", "6: scheduler.margin: nan: allowed is 0 or more"),
        (
            "tpe",
            "{name: asha, reduction_factor: 1.5}",
            "6: scheduler.reduction_factor: 1.5: allowed are whole numbers",
        ),
        (
            "tpe",
            "{name: asha, reduction_factor: 1}",
            "6: scheduler.reduction_factor: 1: allowed is 2 or more",
        ),
    ],
)
def test_what_a_file_asks_for_and_there_is_not_is_refused_with_its_line(tmp_path, sampler, scheduler, why):
    path = _file(tmp_path, sampler, scheduler)
    with pytest.raises(UserError) as raised:
        Space.load(path)
    assert str(raised.value) == f"{path}:{why}"


def test_an_option_wins_over_the_file(tmp_path):
    space = Space.load(_file(tmp_path, "{name: qmc, scramble: false}", "{name: median, margin: 2}"))
    assert (space.sampler, space.scheduler.options) == (
        SamplerChoice("qmc", {"scramble": False}),
        {"margin": 2},
    )
    changed = space.searched_by("gp", "none")
    assert (changed.sampler, changed.scheduler.name) == (SamplerChoice("gp"), "none")
    assert space.searched_by(None, None) == space
    with pytest.raises(UserError, match="^--sampler 'nsga': allowed are tpe, random, gp, nsga2, qmc, grid$"):
        space.searched_by("nsga", None)
    with pytest.raises(UserError, match="^--scheduler 'x': allowed are asha, median, none$"):
        space.searched_by(None, "x")


@pytest.mark.parametrize(
    ("name", "lanes", "says", "at_once"),
    [
        ("tpe", 4, "TPE proposes 8 of 16 trials; the others are drawn at random", "at most 4 trials at once"),
        ("gp", 4, "a Gaussian process proposes 8 of 16 trials; the others", "at most 4 trials at once"),
        ("random", 16, "all but the start are drawn at random", "as many trials at once as fit"),
        ("qmc", 16, "all but the start are of a low-discrepancy sequence", "as many trials at once as fit"),
        (
            "grid",
            16,
            "all but the start are points of the grid, in an order",
            "as many trials at once as fit",
        ),
    ],
)
def test_what_learns_of_no_trial_waits_for_none(name, lanes, says, at_once):
    plan = SearchPlan(16, sampler=name)
    assert plan.lanes == lanes and SearchPlan(16, 3, sampler=name).lanes == 3
    assert plan.proposals.startswith(says) and plan.at_once.startswith(at_once)
