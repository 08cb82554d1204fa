"""Several points to begin with: in a space's file, in turns of the memory's sizes, and as trials."""

import pytest

from orchestrator.errors import UserError
from orchestrator.record.trial_entry import TrialEntry
from orchestrator.search.fit_start import fit_start
from orchestrator.search.grid import grid
from orchestrator.search.result_keys import TRIAL
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.sampler_choice import SamplerChoice
from orchestrator.search.search_plan import SearchPlan
from orchestrator.search.size_turns import SizeTurns
from orchestrator.search.space import Space
from orchestrator.search.start_point import StartPoint, starts_said

_METRIC = "validation/seen/r_mean"
_RATE, _SIZE, _POLICY = "method.learning_rate", "replay.size", "replay.policy"
_ONE, _TWO = {_RATE: 1e-3, _SIZE: 0}, {_RATE: 2e-3, _SIZE: 16, _POLICY: "herding"}
_FILE = """method: ctp
stream: shapes-retrieval
objective: {metric: validation/seen/r_mean, mode: max}
trials: 8
start:
  - {method.learning_rate: 1e-3, replay.size: 0}
  - ctp/p9d
  - {method.learning_rate: 2e-3, replay.size: 16, replay.policy: herding}
search:
  method.learning_rate: {type: float, low: 1e-4, high: 1e-2, log: true}
  replay.size: {type: categorical, choices: [0, 8, 16]}
  replay.policy: {type: categorical, choices: [random, herding], when: {replay.size: {above: 0}}}
"""


def _space(folder, text=_FILE, **how) -> Space:
    (folder / "s.yaml").write_text(text)
    return Space.load(folder / "s.yaml", **how)


def _walk(count, starts, known=(), name="tpe", space=None, **how):
    def own(trial):
        size = trial.suggest_categorical(_SIZE, [0, 8, 16])
        if size:
            trial.suggest_categorical(_POLICY, ["random", "herding"])
        trial.suggest_float(_RATE, 1e-4, 1e-2, log=True)

    found = how | {"seed": 1, "tasks": 1, "starts": starts, "known": known, "choice": SamplerChoice(name)}
    search = TaskSearch(space or own, _METRIC, "max", **found)
    points = []
    for number in range(count):
        points.append({k: v for k, v in search.suggest(str(number)).items() if k != TRIAL})
        search.on_trial_complete(str(number), {_METRIC: _worth(points[-1]), "task": 1})
    return points


def _worth(point):
    return -abs(point[_RATE] - 3e-3)


def _ended(points):
    return [
        TrialEntry(f"trial_{n + 1:04d}", n, point, [{_METRIC: _worth(point), "task": 1}], "finished")
        for n, point in enumerate(points)
    ]


def test_a_file_has_several_points_and_names_of_recipes(tmp_path):
    space = _space(tmp_path)
    assert space.starts == (StartPoint(_ONE), StartPoint(None, "ctp/p9d"), StartPoint(_TWO))
    assert space.start_points() == [_ONE, _TWO] and space.start_params() == _ONE
    assert space.config.flat()[_RATE] == 1e-3 and space.start_config.replay.size == 0
    lines = [" ".join(line.split()) for line in space.describe()]
    assert lines[0].endswith("start 0.001, 0.002") and "start -, herding, when" in lines[2]


def test_what_is_set_leaves_of_each_point_what_is_still_searched(tmp_path):
    space = _space(tmp_path, values={_RATE: 5e-3})
    assert space.start_points() == [{_SIZE: 0}, {_SIZE: 16, _POLICY: "herding"}]
    same = _space(tmp_path, values={_RATE: 5e-3, _SIZE: 16})
    assert same.start_points() == [{_POLICY: "herding"}], "of the first point nothing is left"
    assert [point.values for point in same.starts] == [None, {_POLICY: "herding"}]
    twice = _FILE.replace("2e-3, replay.size: 16, replay.policy: herding", "2e-3, replay.size: 0")
    assert _space(tmp_path, twice, values={_RATE: 5e-3}).start_points() == [{_SIZE: 0}]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("size: 16, replay.policy", "size: 4, replay.policy", "start.3.replay.size: 4 cannot be found; "),
        (", replay.policy: herding}", "}", "start.3: replay.policy is missing; the point needs every key"),
        ("- ctp/p9d", "- 7", "start.2: expected a mapping of keys to values, found 7"),
        ("- ctp/p9d", "- {method.learning_rate: 1e-3, replay.size: 0}", "start.2: is given twice"),
        (_FILE[_FILE.index("\n  - {") : _FILE.index("\nsearch")], " []", "start: an empty list; allowed: a"),
    ],
)
def test_a_wrong_point_of_several_is_named(tmp_path, before, after, why):
    with pytest.raises(UserError) as raised:
        _space(tmp_path, _FILE.replace(before, after))
    assert str(raised.value).startswith(f"{tmp_path / 's.yaml'}:5: {why}")


@pytest.mark.parametrize("name", ["tpe", "random", "qmc", "gp"])
def test_the_first_trials_are_the_starts_and_a_resumed_or_longer_search_goes_on_alike(name):
    starts = [_TWO, _ONE, {_RATE: 4e-3, _SIZE: 16, _POLICY: "random"}]
    whole = _walk(9, starts, name=name, sizes=(0, 8, 16))
    assert whole[:3] == starts
    assert [point[_SIZE] for point in whole] == [16, 0, 16, 8, 0, 8, 16, 0, 8]
    for ended in (1, 2, 5):
        known = _ended(whole[:ended])
        assert _walk(9 - ended, starts, known, name=name, sizes=(0, 8, 16)) == whole[ended:]


def test_a_grid_begins_with_the_starts_and_has_each_point_once(tmp_path):
    steps = "{type: float, low: 1.0e-3, high: 3.0e-3, step: 1.0e-3}"
    text = _FILE.replace("{type: float, low: 1e-4, high: 1e-2, log: true}", steps)
    space = _space(tmp_path, text)
    points = grid(space)
    assert len(points) == 13 and _ONE not in points and _TWO not in points
    found = _walk(15, space.start_points(), name="grid", space=space.suggest, grid=points)
    assert found[:2] == [_ONE, _TWO] and len({str(point) for point in found}) == 15


def test_sizes_take_turns_after_the_starts():
    def turns(sizes, begins, count):
        dealt = SizeTurns(sizes, begins)
        return [(dealt.size(n), dealt.index(n)) for n in range(count)]

    usual = [((1 + n) % 3, n // 3) for n in range(12)]
    assert turns(3, [1], 12) == usual, "as with one start, whose size comes first"
    assert turns(3, [], 6) == [(n % 3, n // 3) for n in range(6)]
    found = turns(3, [2, 2, 0], 9)
    assert [size for size, _ in found] == [2, 2, 0, 1, 0, 1, 2, 0, 1]
    assert [place for _, place in found[3:]] == [0, 0, 1, 1, 1, 2], "only the first start is counted"


def test_after_several_starts_as_many_trials_are_drawn_at_random_as_after_one():
    one, three = SearchPlan(16), SearchPlan(16, begins=(0, 0, 0))
    drawn = [[n for n in range(len(p.begins), 16) if p.at_random(n)] for p in (one, three)]
    assert drawn == [[1, 6, 10, 14], [3, 8, 12]]
    assert (one.learned, three.learned) == (8, 9)
    assert three.proposals == (
        "TPE proposes 9 of 16 trials; the first 3 are where it begins; the others are drawn at random"
    )
    assert SearchPlan(3, begins=(0,) * 4).proposals == "the trials are where it begins"
    random = SearchPlan(8, sampler="random", begins=(0, 0))
    assert random.proposals == "all but the 2 starts are drawn at random"


def test_what_fits_of_other_values_is_used_and_what_does_not_is_said(tmp_path):
    space = _space(tmp_path)
    given = {_RATE: 3, _SIZE: 16, _POLICY: "herding", "method.epochs": 9, "method.tau": 1, "method.seed": 2}
    given["method.batch_size"] = space.config.flat()["method.batch_size"]
    point, left = fit_start(
        space, given, [_RATE, _POLICY, "method.epochs", "method.tau", "method.batch_size"]
    )
    assert point == {_RATE: 1e-3, _SIZE: 16, _POLICY: "herding"}
    epochs = space.config.flat()["method.epochs"]
    assert left == [
        f"{_RATE} 3: searched is 0.0001 .. 0.01 (log); 0.001 instead, as at the space's start",
        f"method.epochs 9: is not searched; it is {epochs} here",
        "method.tau 1: no key here",
    ]
    point, left = fit_start(space, {_RATE: 2e-3, _SIZE: 4, _POLICY: "herding"}, [_POLICY])
    assert point == {_RATE: 2e-3, _SIZE: 0} and left[1] == f"{_POLICY} herding: is not searched at this point"
    whole, left = fit_start(space, {_RATE: 0.01, _SIZE: 8.0, _POLICY: "random"})
    assert whole == {_RATE: 0.01, _SIZE: 8, _POLICY: "random"} and left == []
    assert type(whole[_SIZE]) is int, "the choice itself"


def test_a_value_between_steps_is_the_steps_own(tmp_path):
    steps = "{type: float, low: 0.1, high: 0.9, step: 0.1}"
    text = _FILE.replace("{type: float, low: 1e-4, high: 1e-2, log: true}", steps)
    text = text.replace("1e-3", "0.2").replace("2e-3", "0.4")
    assert fit_start(_space(tmp_path, text), {_RATE: 0.3, _SIZE: 0})[0][_RATE] == 0.30000000000000004


def test_without_a_start_the_configuration_or_the_middle_of_a_range_stands_in(tmp_path):
    text = _FILE[: _FILE.index("start:")] + _FILE[_FILE.index("search:") :]
    text = text.replace("low: 1e-4", "low: 1e-3").replace("high: 1e-2", "high: 1e-1")
    space = _space(tmp_path, f"{text}  method.epochs: {{type: int, low: 10, high: 21}}\n")
    point, left = fit_start(space, {})
    own = space.config.flat()
    assert (own[_RATE], own["method.epochs"], own[_SIZE]) == (1e-4, 5, 0), "of which the last one fits"
    assert point == {_RATE: pytest.approx(1e-2), _SIZE: 0, "method.epochs": 15}
    assert left == [
        f"{_RATE} is not there; 0.01 instead, the middle of its range",
        f"{_SIZE} is not there; 0 instead, as without a search",
        "method.epochs is not there; 15 instead, the middle of its range",
    ]


def test_where_a_search_begins_is_said_unless_it_is_the_usual():
    own, sweep = StartPoint(_ONE), StartPoint(_TWO, "first", "trial_0012")
    assert starts_said([own]) == starts_said([]) == ""
    assert starts_said([sweep]) == "trial 12 of first"
    assert starts_said([sweep, StartPoint(_ONE, "ctp/p9d"), own]) == (
        "trial 12 of first, ctp/p9d, the space's start"
    )
    assert StartPoint.read(sweep.plain(), "sweep.yaml") == sweep


@pytest.mark.parametrize("content", [7, {}, {"from": "a", "trial": "", "values": 3}, {"values": {}}])
def test_what_is_no_point_is_refused(content):
    with pytest.raises(UserError) as raised:
        StartPoint.read(content, "sweep.yaml")
    allowed = "allowed are the keys from, trial, values"
    assert str(raised.value) == f"sweep.yaml: starts has {str(content)!r}; {allowed}"
