"""A sweep that begins at what other sweeps chose, or at a recipe's values. No Ray is started."""

import shutil

import pytest
from written_run import write_run

from orchestrator.commands.requested_run import requested_sweep
from orchestrator.commands.sweep_request import SweepRequest
from orchestrator.commands.warm_start import warm_start
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.recipes.recipe import Recipe
from orchestrator.schema import strict_yaml
from orchestrator.schema.config_error import ConfigError
from orchestrator.search.space import Space
from orchestrator.search.start_point import StartPoint

_SMALL = {"stream.tasks": 2, "stream.train": 8, "stream.validation": 4, "stream.test": 4}
_RATE, _EPOCHS, _SIZE = "method.learning_rate", "method.epochs", "replay.size"
_FOUND = {_RATE: 0.0123456789012345, _EPOCHS: 80, _SIZE: 480, "replay.policy": "herding"}


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """The folder of runs. The method is of three keys, and its check of all pairs of values is left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestrator.search.space.check_suggestions", lambda *_: None)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def _sweep(runs, name, values, method="clip-er", stream="digits", **how):
    """A sweep that has one trial, which chose ``values``."""
    write_run(runs, name, "trial_0001", method=method, stream=stream, values=values, **how)
    request = SweepRequest(method, None, None, {}, 8, None, None, 0.0)
    (runs / name / "sweep.yaml").write_text(request.text())
    goal = {"metric": "validation/average", "mode": "max"}
    space = {"method": method, "stream": stream, "objective": goal, "trials": 8, "search": {}}
    (runs / name / "space.yaml").write_text(strict_yaml.dump(space))


def _file(folder, start=""):
    (folder / "s.yaml").write_text(
        f"""method: clip-er
stream: shapes-recognition
objective: {{metric: validation/average, mode: max}}
trials: 4
fixed: {{replay.policy: random}}
start: {start or "{method.learning_rate: 1e-3, replay.size: 240}"}
search:
  method.learning_rate: {{type: float, low: 1e-4, high: 3e-2, log: true}}
  replay.size: {{type: categorical, choices: [120, 240, 480]}}
"""
    )
    return folder / "s.yaml"


def _asked(folder, *names, start="", said=None, **how):
    say = (said if said is not None else []).append
    names = list(names) or None
    return requested_sweep(
        "clip-er", space=_file(folder, start), given=_SMALL, warm_start=names, say=say, **how
    )


_USUAL = StartPoint({_RATE: 1e-3, _SIZE: 240})


def test_a_sweep_begins_at_what_another_chose_and_says_what_of_it_does_not_fit(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    said = []
    begun = _asked(tmp_path, "first", said=said)
    found = StartPoint({_RATE: 0.0123456789012345, _SIZE: 480}, "first", "trial_0001")
    assert begun.space.starts == (found, _USUAL) and begun.space.start == _USUAL.values
    epochs = begun.config.method.epochs
    assert said[:3] == [
        "begins at trial 1 of first, clip-er on digits: validation/average 50.00, of 1 trials",
        f"  not taken: method.epochs 80: is not searched; it is {epochs} here",
        "  not taken: replay.policy herding: is not searched; it is random here",
    ]
    assert "\n  it begins at trial 1 of first, the space's start\n" in begun.preview()
    assert begun.request.starts == [found.plain(), _USUAL.plain()]
    assert begun.request.digest("") != _asked(tmp_path).request.digest("")
    assert _asked(tmp_path).request.starts is None, "nothing is written of the usual start"


def test_a_sweep_whose_source_is_gone_is_resumed_at_the_same_points(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    begun = _asked(tmp_path, "first", trials=3)
    (runs / "x").mkdir()
    (runs / "x" / "sweep.yaml").write_text(begun.request.text())
    (runs / "x" / "space.yaml").write_text((tmp_path / "s.yaml").read_text())
    shutil.rmtree(runs / "first")
    for more in ({}, {"trials": 6}):
        again = requested_sweep(resume="x", **more)
        assert again.request == begun.request and again.space.starts == begun.space.starts
        assert again.space.start_points()[0][_RATE] == 0.0123456789012345
    changed = begun.request.text().replace("replay.size: 480", "replay.size: 479")
    (runs / "x" / "sweep.yaml").write_text(changed)
    with pytest.raises(UserError, match="^sweep.yaml: start: replay.size '479' is not searched; "):
        requested_sweep(resume="x")


def test_what_was_fixed_there_is_taken_as_well(tmp_path, runs):
    _sweep(runs, "first", {_RATE: 2e-3})
    config = runs / "first" / "trials" / "trial_0001" / "config.yaml"
    config.write_text(config.read_text().replace("size: 0", "size: 120"))
    assert _asked(tmp_path, "first").space.starts[0].values == {_RATE: 2e-3, _SIZE: 120}


def test_a_request_keeps_the_points(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    request = _asked(tmp_path, "first").request
    (tmp_path / "sweep.yaml").write_text(request.text())
    assert SweepRequest.read(tmp_path / "sweep.yaml") == request
    assert strict_yaml.parse(request.text(), "")[0]["starts"][0] == {
        "from": "first",
        "trial": "trial_0001",
        "values": {_RATE: 0.0123456789012345, _SIZE: 480},
    }


def test_a_point_that_two_have_is_tried_once(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    _sweep(runs, "second", _FOUND)
    _sweep(runs, "third", {_RATE: 1e-3, _SIZE: 240})
    said = []
    begun = _asked(tmp_path, "first", "second", "third", said=said)
    assert [point.source for point in begun.space.starts] == ["first", "third"]
    assert [line for line in said if "tried once" in line] == [
        "  the point is that of trial 1 of first, and is tried once",
        "  the point is that of trial 1 of third, and is tried once",
    ]


def test_points_count_as_trials_and_those_beyond_them_wait(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    said = []
    begun = _asked(tmp_path, "first", trials=1, said=said)
    assert "2 points to begin at for 1 trial: those left over are tried once there are more trials" in said
    assert len(begun.space.starts) == 2 and begun._extent.trials == 1
    assert begun.space.plan(4, None).begins == (2, 1)


def test_a_file_may_begin_at_a_recipe_which_train_leaves_out(tmp_path):
    (tmp_path / "c.yaml").write_text(
        """method: clap4clip
stream: digits
objective: {metric: validation/average, mode: max}
trials: 4
start: [clap4clip/cifar100, {method.learning_rate: 2e-3}]
search: {method.learning_rate: {type: float, low: 1e-4, high: 3e-2, log: true}}
"""
    )
    said, space = [], Space.load(tmp_path / "c.yaml")
    request = SweepRequest("clap4clip", None, None, {}, None, None, None, 0.0)
    begun = warm_start(request, space, said.append)[1]
    written = StartPoint({_RATE: 2e-3})
    assert begun.starts == (StartPoint({_RATE: 1e-3}, "clap4clip/cifar100"), written)
    assert said[0].startswith("begins at clap4clip/cifar100: CLAP4CLIP (Jha et al., NeurIPS 2024), CIFAR-100")
    own = RunConfig.from_dict({"method.name": "clap4clip", "stream.name": "digits"}).flat()
    recipe = Recipe.load("clap4clip/cifar100")
    others = [k for k, v in recipe.config().flat().items() if k in recipe.values and own.get(k) != v]
    others = [key for key in others if key.startswith(("method.", "replay.")) and key != _RATE]
    end = f"{len(others)} values that are not searched and differ (--recipe clap4clip/cifar100 has them all)"
    assert said[1] == f"  not taken: {end}" and 0 < len(others) < len(recipe.values)
    assert space.start_config.method.learning_rate == 2e-3


def test_what_cannot_be_begun_at_is_refused_in_one_line(tmp_path, runs):
    _sweep(runs, "first", _FOUND)
    _sweep(runs, "other", _FOUND, method="er", stream="shapes-retrieval")
    _sweep(runs, "stopped", _FOUND, status="stopped")
    _sweep(runs, "odd", _FOUND)
    (runs / "odd" / "space.yaml").write_text("method: clip-er\n")
    unknown = "no sweep or recipe of clip-er is called"
    near = "did you mean first? Allowed are first, odd, other, stopped"
    for names, why in [
        (["frist"], f"frist: {unknown} 'frist'; {near}"),
        (["../first"], f"../first: {unknown} '../first'; did you mean first? "),
        (["ctp/p9d"], f"ctp/p9d: {unknown} 'ctp/p9d'; allowed are first, odd, other, stopped"),
        (["other"], "other: is a sweep of er; allowed: sweeps of clip-er"),
        (["stopped"], "stopped: none of its trials walked the whole stream; allowed: one that chose a trial"),
        (["odd"], "odd: runs/odd/space.yaml is not what a sweep wrote; leave it out"),
        (["first"] * 2, "'first' 'first': allowed are different names of sweeps and recipes, in a list"),
        ("first", "'first': allowed are different names of sweeps and recipes, in a list"),
    ]:
        with pytest.raises(UserError) as raised:
            requested_sweep("clip-er", space=_file(tmp_path), given=_SMALL, warm_start=names)
        assert str(raised.value).startswith(f"--warm-start {why}") and "\n" not in str(raised.value)
    with pytest.raises(UserError, match="s.yaml: start: no recipe of clip-er is called 'first'; there is n"):
        _asked(tmp_path, start="[first]")
    with pytest.raises(UserError, match="^--warm-start first: zero-shot has nothing to search; allowed: wit"):
        requested_sweep("zero-shot", warm_start=["first"])
    with pytest.raises(UserError, match="^--resume x: goes on with what .*; leave out warm_start$"):
        requested_sweep(resume="x", warm_start=["first"])


def test_a_point_that_the_method_refuses_is_named(tmp_path, runs, monkeypatch):
    _sweep(runs, "first", {**_FOUND, _RATE: 0.03})
    usual = RunConfig.with_values

    def with_values(self, values, where=""):
        if values.get(_RATE) == 0.03:
            raise ConfigError(_RATE, "0.03 is too much")
        return usual(self, values, where)

    monkeypatch.setattr(RunConfig, "with_values", with_values)
    why = "^--warm-start first: its point is not accepted: method.learning_rate: 0.03 is too much; allowed: w"
    with pytest.raises(UserError, match=why):
        _asked(tmp_path, "first")
