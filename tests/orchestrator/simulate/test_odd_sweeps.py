"""Recorded sweeps with numbers that are none, and rules that are asked for twice."""

import json
import math

import pytest

from orchestrator.errors import UserError
from orchestrator.simulate.__main__ import main
from orchestrator.simulate.recorded_sweep import RecordedSweep

pytestmark = pytest.mark.unit

_METRIC = "validation/average"


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Writes the sweep ``s`` with these curves."""
    monkeypatch.chdir(tmp_path)

    def write(*curves, search=""):
        for number, curve in enumerate(curves):
            trial = tmp_path / "runs" / "s" / "trials" / f"trial_{number + 1:04d}"
            trial.mkdir(parents=True)
            reports = [{"task": task, _METRIC: value} for task, value in enumerate(curve, 1)]
            (trial / "trial.json").write_text(json.dumps({"values": {}}))
            (trial / "status.json").write_text(json.dumps({"status": "finished", "reports": reports}))
        space = f"objective: {{metric: {_METRIC}, mode: max}}\n{search}"
        (tmp_path / "runs" / "s" / "space.yaml").write_text(space)
        return tmp_path / "runs" / "s"

    return write


def test_a_trial_whose_objective_is_not_finite_is_left_out(sweep, capsys):
    folder = sweep([9.0, 8.0], [7.0, math.nan], [math.inf, 6.0], [5.0, 4.0])
    found = RecordedSweep.read(folder)
    assert (found.curves.tolist(), found.left_out) == ([[9, 8], [5, 4]], 2)
    assert main(["s", "--trials", "2", "--draws", "5", "--scheduler", "none"]) == 0
    assert "| s | 2 | none | 0.0 | 0.00 | 0.0 | 0.0 |" in capsys.readouterr().out


@pytest.mark.parametrize("search", ["search:\n", "search: {replay.size: 3}\n"])
def test_a_space_that_is_none_is_one_line(sweep, search):
    with pytest.raises(UserError, match=r"runs/s: AttributeError .*; allowed: a sweep's own files$"):
        RecordedSweep.read(sweep([9.0, 8.0], search=search))


@pytest.mark.parametrize("rule", ["median:name=asha", "median:margin=1,margin=2"])
def test_what_is_said_twice_of_a_rule_is_refused(sweep, rule):
    sweep([9.0, 8.0])
    key = rule.partition("=")[0].partition(":")[2]
    why = f"^--scheduler {rule}: {key}: is given already; allowed is each option once, and the rule's name fi"
    with pytest.raises(UserError, match=why):
        main(["s", "--trials", "1", "--scheduler", rule])
