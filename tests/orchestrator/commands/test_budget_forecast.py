"""To how many trials a budget comes, by what others took before."""

import json
from types import SimpleNamespace

import pytest

from orchestrator.commands import budget_forecast
from orchestrator.commands.budget_forecast import hours_left, trials_left
from orchestrator.commands.time_forecast import TimeForecast
from orchestrator.run_options import RunOptions
from orchestrator.search.budget import Budget

pytestmark = pytest.mark.unit

_HALF_AN_HOUR = TimeForecast((600.0, 1200.0), 1e6, 3)


@pytest.mark.parametrize(
    ("options", "gpu_hours", "hours"),
    [
        ({"workers": 2}, 4, 8),  # a trial holds two GPUs for half an hour
        ({"gpus_per_trial": 0.5}, 16, 8),
        ({}, 8, 8),
    ],
)
def test_a_trial_takes_of_gpu_hours_its_hours_times_its_gpus(options, gpu_hours, hours, monkeypatch):
    config = SimpleNamespace(run=RunOptions(**options))
    assert trials_left(Budget(4.0, of_gpus=True), _HALF_AN_HOUR, config, None) == gpu_hours
    assert trials_left(Budget(4.0), _HALF_AN_HOUR, config, None) == hours, "of a time, whatever it holds"
    monkeypatch.setattr(budget_forecast.TimeForecast, "of", lambda *_: _HALF_AN_HOUR)
    told = budget_forecast.budget_forecast(Budget(4.0, of_gpus=True), config, 2, None)
    assert told.startswith(f"about {gpu_hours} trials that walk the whole stream, and ")


def test_what_other_trials_have_spent_is_no_more_left(tmp_path):
    trial = tmp_path / "trials" / "trial_0001"
    trial.mkdir(parents=True)
    (trial / "trial.json").write_text(json.dumps({"number": 0, "values": {}}))
    report = {"task": 1, "seconds/train": 3000.0, "seconds/evaluate": 600.0, "gpus": 2.0}
    ended = {"status": "finished", "reason": "", "reports": [report]}
    (trial / "status.json").write_text(json.dumps(ended))
    assert hours_left(Budget(4.0), tmp_path) == 3.0 and hours_left(Budget(0.5), tmp_path) == 0.0
    assert hours_left(Budget(4.0, of_gpus=True), tmp_path) == 2.0
    config = SimpleNamespace(run=RunOptions(workers=2))
    assert trials_left(Budget(4.0, of_gpus=True), _HALF_AN_HOUR, config, tmp_path) == 2
