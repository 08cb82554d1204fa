"""Recorded sweeps replayed by several objectives: how much of the hypervolume a rule keeps."""

import json

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.simulate import pareto_replay
from orchestrator.simulate.__main__ import main
from orchestrator.simulate.pareto_replay import ParetoReplay
from orchestrator.simulate.recorded_sweep import RecordedSweep
from orchestrator.simulate.simulated_sweep import simulated_sweep

pytestmark = pytest.mark.unit

_A, _B = "validation/average", "replay/bytes"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Writes the sweep ``s``: of each trial the average after each of four tasks, and bytes."""
    monkeypatch.chdir(tmp_path)

    def write(*trials, goal=f"objective: {{metric: {_A}, mode: max}}"):
        for number, (curve, held) in enumerate(trials):
            trial = tmp_path / "runs" / "s" / "trials" / f"trial_{number + 1:04d}"
            trial.mkdir(parents=True)
            reports = [{"task": task, _A: value, _B: held} for task, value in enumerate(curve, 1)]
            (trial / "trial.json").write_text(json.dumps({"values": {"replay.size": held}}))
            (trial / "status.json").write_text(json.dumps({"status": "finished", "reports": reports}))
        (tmp_path / "runs" / "s" / "space.yaml").write_text(f"{goal}\n")
        return tmp_path / "runs" / "s"

    return write


# At the reference point (10, 3): the first dominates 50 x 1 of 50 x 2, the second 25 x 2, both 75.
_TRIALS = [([90, 80, 70, 60], 2), ([90, 60, 50, 35], 1), ([90, 70, 20, 10], 3)]


class _Stops:
    """A rule that stops one trial at the second task."""

    CONTINUE, STOP = "go", "stop"

    def __init__(self, which):
        self._which = which

    def on_trial_add(self, controller, trial):
        pass

    def on_trial_result(self, controller, trial, told):
        assert set(told) == {"task", _A, _B}
        return self.STOP if told["task"] == 2 and told[_B] == self._which else self.CONTINUE


@pytest.mark.parametrize(("which", "kept"), [(None, 100), (2, 100 * 50 / 75), (1, 100 * 50 / 75), (3, 100)])
def test_what_a_rule_keeps_is_the_hypervolume_of_the_trials_that_it_lets_go_on(sweep, which, kept):
    recorded = RecordedSweep.read(sweep(*_TRIALS), (_A, _B))
    found = ParetoReplay.of(recorded, lambda one: _Stops(which), trials=3, lanes=1, sweeps=2)
    assert found.kept == pytest.approx(kept) and found.least == pytest.approx(kept)
    assert found.trained == pytest.approx(100 if which is None else 100 * 10 / 12)
    walked = simulated_sweep(recorded, [0, 1, 2], 1, _Stops(which))
    assert walked.done.tolist() == [2 if held == which else 4 for held in (2, 1, 3)]


def test_the_least_that_is_kept_is_that_of_the_sweep_at_the_lower_tenth(sweep, monkeypatch):
    # The first trial is stopped: of eleven sweeps one keeps nothing, one two thirds, and nine all.
    drawn = [[0, 2], [0, 1], *[[1, 2]] * 9]
    monkeypatch.setattr(pareto_replay, "drawn_sweeps", lambda *_, **__: map(np.array, drawn))
    recorded = RecordedSweep.read(sweep(*_TRIALS), (_A, _B))
    found = ParetoReplay.of(recorded, lambda one: _Stops(2), trials=2, lanes=1, sweeps=11)
    assert found.least == pytest.approx(100 * 2 / 3)
    assert found.kept == pytest.approx(100 * (0 + 2 / 3 + 9) / 11)


def test_the_command_takes_objectives_or_those_of_the_sweep(sweep, capsys):
    goals = f"objectives: [{{metric: {_A}, mode: max}}, {{metric: {_B}, mode: min, at_most: 2}}]"
    folder = sweep(*_TRIALS, goal=goals)
    assert RecordedSweep.read(folder).objective.others[0].bound == 2.0
    for asked in ([], ["--objectives", _A, _B]):
        assert main(["s", "--trials", "3", "--draws", "2", *asked]) == 0
        rows = [
            line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| s |")
        ]
        assert [row[2] for row in rows] == ["asha", "none"]
        assert rows[1][3:] == ["100.0", "100.0", "100.0", "0.0 |"]


def test_a_trial_beyond_a_bound_adds_nothing(sweep):
    goals = f"objectives: [{{metric: {_A}, mode: max}}, {{metric: {_B}, mode: min, at_most: 2}}]"
    trials = [*_TRIALS, ([90, 5, 5, 5], 2), ([99, 99, 99, 99], 3)]
    recorded = RecordedSweep.read(sweep(*trials, goal=goals))
    # The two of three pieces of memory are stopped: one of them would be the best of all.
    found = ParetoReplay.of(recorded, lambda one: _Stops(3), trials=5, lanes=2, sweeps=1)
    assert found.kept == 100 and np.isclose(found.trained, 100 * 16 / 20)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (["--objectives", _A], f"^--objectives {_A}: allowed are two metrics or more, each once"),
        (["--objectives", _A, _A], "^--objectives .*: allowed are two metrics or more, each once"),
        (["--objectives", _A, "x/y"], "^runs/s: no trial has x/y; allowed: what its trials report"),
        (["--objectives", _A, _B, "--scheduler", "median"], "^simulate: scheduler median compares one obj"),
        (
            ["--objectives", _A, _B],
            "^s: 3 trials walked the whole stream, 16 are asked for; allowed: --trials",
        ),
    ],
)
def test_what_cannot_be_replayed_is_one_line(sweep, asked, why):
    sweep(*_TRIALS)
    with pytest.raises(UserError, match=why):
        main(["s", *asked])
