"""A study and a sweep that choose at each task. The runs are played."""

import json

import pytest
import yaml

from orchestrator import api, sweep
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.storage.run_files import CONFIG_FILE
from orchestrator.study import __main__ as command

pytestmark = pytest.mark.unit

_METHODS = {"kept": {"name": "clip-lwf"}, "plain": {"name": "clip-finetune"}}
_WALK = ["--stream", "digits", "--per-task"]
_ASKED = {"methods": _METHODS, "trials": None, "protocol": "per-task"}


def _configs(folder):
    return [RunConfig.load_yaml(file) for file in sorted(folder.glob(f"trials/*/{CONFIG_FILE}"))]


def test_a_method_has_one_walk_and_each_pair_chooses_again(played, tmp_path):
    status, told = played.begun(**_ASKED)
    assert (status, played.reasons()) == (0, {})
    assert played.searched == [("s-kept", "trial_0001"), ("s-plain", "trial_0001")]
    assert sorted(played.walked) == ["s-kept-pair1", "s-kept-pair2", "s-plain-pair1", "s-plain-pair2"]
    # The search sees the whole stream, and shares the session of the pairs.
    assert [len(session.source.tasks) for session in played.sessions] == [2]
    assert [(session.jobs, session.follow_ups) for session in played.sessions] == [(6, 4)]
    runs = tmp_path / "runs"
    plans = {name: _configs(runs / f"s-{name}")[0].per_task for name in _METHODS}
    assert plans["kept"].strength == ("method.lwf_weight",) and plans["plain"].strength == ()
    for name, plan in plans.items():
        for pair in (1, 2):
            (config,) = _configs(runs / f"s-{name}-pair{pair}")
            assert config.per_task == plan and config.run.seed == config.stream.order == pair
    assert "validation data of the task at hand alone (per-task)." in told
    assert yaml.safe_load((runs / "s" / "study.yaml").read_text())["protocol"] == "per-task"
    lines = (runs / "s-kept" / "tracking.jsonl").read_text()
    assert '"protocol":"per-task"' in lines and 'per_task/trainings":7.0' in lines
    assert played.gone_on()[0] == 0 and len(played.searched) == 2
    result = json.loads((runs / "s" / "result.json").read_text())
    assert "clip-lwf --stream digits --per-task'" in json.dumps(result).replace('"', "'")


def test_trials_or_a_budget_are_refused(played, capsys):
    said = "a method has one walk, which chooses at each task; allowed: without$"
    with pytest.raises(UserError, match=f"^kept: --trials 4: by the protocol per-task {said}"):
        played.new(**_ASKED | {"trials": 4})
    with pytest.raises(UserError, match=f"^kept: --time 2h: by the protocol per-task {said}"):
        played.new(**_ASKED | {"time": "2h"})
    with pytest.raises(UserError, match=f"^kept: --best 2: by the protocol per-task {said}"):
        played.new(**_ASKED | {"best": 2})
    played.begun(**_ASKED)
    with pytest.raises(UserError, match=f"^kept: --trials 4: by the protocol per-task {said}"):
        played.resumed(trials=4)
    with pytest.raises(UserError, match="slda.yaml: has no per_task, which names the learning rate"):
        played.new("other", **_ASKED | {"methods": {"a": {"name": "slda"}}})
    words = ["--methods", "clip-lwf", "zero-shot", "--stream", "digits", "--protocol", "per-task"]
    assert command.main([*words, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "  chosen by validation data of the task at hand alone (per-task)\n" in shown
    assert shown.count("one walk, memory 0") == 2


def test_the_learning_rate_that_each_task_chooses_is_not_given(played, tmp_path):
    said = (
        r"method.learning_rate=0.01: by the protocol per-task each task chooses it; allowed: without it, or "
        r"per_task.learning_rates in the search space's file \(.*clip-lwf.yaml, or a copy with --space\)"
    )
    asked = ["clip-lwf", "--name", "x", *_WALK, "--set"]
    with pytest.raises(UserError, match=f"^{said}$"):
        sweep.main([*asked, "method.learning_rate=1e-2"])
    assert not (tmp_path / "runs" / "x").exists()
    rate = {"method.learning_rate": 0.01}
    for given in ({"methods": {"kept": {"name": "clip-lwf", "set": rate}}}, {"set": rate}):
        with pytest.raises(UserError, match=f"^kept: {said}$"):
            played.new("other", **_ASKED | {"methods": {"kept": {"name": "clip-lwf"}}} | given)
    # What holds against forgetting begins where it is given.
    assert sweep.main([*asked, "method.lwf_weight=7", "--dry-run"]) == 0


def test_a_sweep_is_one_trial_that_is_tested_and_says_what_it_chose(played, tmp_path, capsys):
    asked = ["clip-lwf", "--stream", "digits", "--per-task", "--name", "x"]
    assert sweep.main([*asked, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "Search: 1 trial for max" in shown and "    margin: 0.2\n" in shown
    assert "  it chooses by validation data of the task at hand alone (per-task)\n" in shown
    assert sweep.main(asked) == 0
    told = capsys.readouterr().out
    assert "  on test: average 7.0" in told and "data of the task at hand alone\n" in told
    table = told.split("Chosen at each task, by its own validation data\n")[1]
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["task", "learning", "rate", "lwf_weight", "finetuned", "reached", "trainings"]
    assert rows[1:3] == [[str(n), "0.002", "25.0", "90.00", "80.00", "7"] for n in (1, 2)]
    assert rows[3] == ["14", "trainings", "of", "a", "task", "in", "all"]
    assert yaml.safe_load((tmp_path / "runs" / "x" / "sweep.yaml").read_text())["protocol"] == "per-task"
    note = (tmp_path / "runs" / "x" / "tracking.jsonl").read_text()
    assert (
        "clip-lwf on digits: one walk, which chooses its values at each task by validation data of the"
        in note
    )
    assert "Chosen at each task, by its own validation data:" in note
    assert api.sweep(resume="x").status == "finished" and len(played.searched) == 1
    capsys.readouterr()
    assert sweep.main(["--resume", "x"]) == 0 and sweep.main(["show", "x"]) == 0
    again = capsys.readouterr().out
    assert "Run the chosen one again" in again and "--trials" not in again  # there is one walk
    with pytest.raises(UserError, match="^--resume x: .*leave out --per-task"):
        sweep.main(["--resume", "x", "--per-task"])
    with pytest.raises(UserError, match="leave out per_task$"):
        api.sweep(resume="x", per_task=True)
    with pytest.raises(UserError, match="--trials 2: x chooses at each task, in one trial; allowed: without"):
        api.sweep(resume="x", trials=2)
    with pytest.raises(UserError, match="^--per-task 3: allowed: True or False$"):
        api.sweep("clip-lwf", per_task=3)


@pytest.mark.parametrize(
    "more",
    [
        {"trials": 2},
        {"time": "1h"},
        {"first_tasks": 1},
        {"sampler": "gp"},
        {"warm_start": ["a"]},
        {"margin": 0},
    ],
)
def test_what_is_about_several_trials_is_refused_beside_it(played, tmp_path, more):
    said = f"^--per-task: is one trial, which chooses at each task; leave out {next(iter(more))} \\(allowed"
    with pytest.raises(UserError, match=said):
        api.sweep("clip-lwf", stream="digits", per_task=True, name="x", **more)
    assert not (tmp_path / "runs" / "x").exists()


@pytest.mark.parametrize("per_task", [True, False])
def test_what_is_chosen_is_said_by_the_spaces_file_alone(played, tmp_path, per_task):
    plan = {"per_task.learning_rate": "method.learning_rate", "per_task.learning_rates": [0.1]}
    said = r"^per_task.learning_rate: a fixed value cannot say what is chosen at each task; allowed: the sect"
    with pytest.raises(UserError, match=said):
        api.sweep("clip-lwf", stream="digits", per_task=per_task, name="x", set=plan)
    protocol = {"protocol": "per-task"} if per_task else {}
    with pytest.raises(UserError, match=said):
        played.new(methods=_METHODS, trials=None, set=plan, **protocol)
    assert not (tmp_path / "runs" / "x").exists()
