"""A time, or GPU-hours, that is asked for in the place of trials. No Ray is started."""

import re

import pytest

from orchestrator.commands.requested_run import requested_sweep
from orchestrator.errors import UserError

pytestmark = pytest.mark.unit


def test_a_preview_says_the_budget_and_that_its_number_of_trials_is_not_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start = requested_sweep("slda", stream="digits", time="90m")
    assert (start.request.budget, start.request.trials) == ("1.5h", None)
    lines = start.preview().splitlines()
    spent = "1.5h of training and evaluation, summed over its trials"
    assert lines[0].startswith(f"Search: {spent} for max validation/average (")
    assert "  TPE proposes trials; the first 2 and then every fourth, 10 in all, are drawn at random" in lines
    assert "how many trials 1.5h come to is not known: none like its own has walked 5 task(s)" in lines[-1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"time": "1h", "trials": 2}, "--trials 2 beside --time: allowed is one of the two"),
        ({"time": "1h", "gpu_hours": 2.0}, "--time 1h beside --gpu-hours: allowed is one of the two"),
        ({"time": 60}, "--time 60: allowed are minutes or hours above 0, as 30m, 2h or 1.5h"),
        ({"gpu_hours": "4"}, "--gpu-hours 4: allowed are numbers above 0"),
        (
            {"gpu_hours": 4, "given": {"run.gpus_per_trial": 0}},
            "--gpu-hours 4: a trial holds no GPU here; allowed: --time, as 30m, 2h or 1.5h",
        ),
    ],
)
def test_what_cannot_be_had_is_one_line_before_anything_is_made(tmp_path, monkeypatch, asked, said):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        requested_sweep("slda", stream="digits", **asked)
    assert not list(tmp_path.iterdir())
