"""What is left of a study will take, by what such trials took before. No Ray is started."""

from types import SimpleNamespace

import pytest

from orchestrator.commands.time_forecast import TimeForecast
from orchestrator.run_options import RunOptions
from orchestrator.search.budget import Budget
from orchestrator.study import study_forecast
from orchestrator.study.study_forecast import ArmForecast, forecast_line

pytestmark = pytest.mark.unit


@pytest.fixture
def arm(tmp_path, monkeypatch):
    """A method whose search on two of five tasks has 6 trials: 1 s a task there, 100 s where a pair runs."""
    monkeypatch.chdir(tmp_path)
    searched, reported = object(), object()
    took = {
        (searched, 2): TimeForecast((1.0, 1.0), 10.0, 3),
        (reported, None): TimeForecast((100.0,) * 5, 1000.0, 3),
    }
    monkeypatch.setattr(study_forecast.TimeForecast, "of", lambda config, tasks: took.get((config, tasks)))
    space = lambda config: SimpleNamespace(space=SimpleNamespace(config=config))  # noqa: E731
    return SimpleNamespace(
        took=took,
        trials=6,
        budget=None,
        searched=space(searched),
        space=SimpleNamespace(config=reported),
        protocol=SimpleNamespace(tasks=2),
    )


def _runs(search=None, *pairs):
    return [
        SimpleNamespace(name=f"s{number or ''}", pair=number or None, done=done, walked=False)
        for number, done in enumerate([search, *pairs])
    ]


def test_trials_of_the_search_and_pairs_that_have_not_ended_are_counted(arm, tmp_path):
    for number in range(4):
        folder = tmp_path / "runs" / "s" / "trials" / f"trial_{number:04}"
        folder.mkdir(parents=True)
        if number < 3:  # the last one is under way
            (folder / "status.json").write_text("{}")
    found = ArmForecast.of(arm, _runs(None, "done", None))
    assert found == ArmForecast(3, 1, pytest.approx((3 * 2 + 500) / 3600), 1030.0)
    assert found.said == "about 8.4 min"
    assert ArmForecast.of(arm, _runs("done", None, None)).hours == pytest.approx(1000 / 3600)
    ended = ArmForecast.of(arm, _runs("done", "done"))
    assert (ended.trials, ended.pairs, ended.said) == (0, 0, "ended")


def test_what_one_of_both_takes_is_not_known_alone(arm):
    arm.took.popitem()
    half = ArmForecast.of(arm, _runs(None, None))
    assert (half.hours, half.said) == (None, "how long is not known")
    assert ArmForecast.of(arm, _runs(None, "done")).hours == pytest.approx(12 / 3600)


def test_the_line_sums_what_is_known_and_says_of_how_many_it_is_not():
    known, ended, other = ArmForecast(1, 1, 1.5, 2e6), ArmForecast(0, 0, 0.0), ArmForecast(2, 0, None)
    took = (
        "what is left takes about 3.0 h one after another and 4.0 MB of disk, as trials before in runs/ took"
    )
    assert forecast_line([known, ended, known]) == took
    assert forecast_line([known, other, known]) == f"{took}, without the 1 of which it is not known"
    assert forecast_line([ended]) == ""
    assert forecast_line([other, ended]).startswith("what it takes is not known: no trial like its own has")


def test_a_budget_takes_what_is_left_of_it_and_gpu_hours_as_many_hours_fewer_as_a_trial_holds_gpus(
    arm, monkeypatch
):
    arm.searched.space.config = SimpleNamespace(run=RunOptions(workers=2))
    took = {2: TimeForecast((900.0, 900.0), 10.0, 3), None: TimeForecast((100.0,) * 5, 1000.0, 3)}
    monkeypatch.setattr(study_forecast.TimeForecast, "of", lambda config, tasks: took[tasks])
    for budget, trials, hours in ((Budget(3.0), 6, 3.0), (Budget(3.0, of_gpus=True), 3, 1.5)):
        arm.budget = budget
        found = ArmForecast.of(arm, _runs(None, "done"))
        assert found == ArmForecast(trials, 0, hours, 10.0 * trials)
        found = ArmForecast.of(arm, _runs("done", "done", None))
        assert found == ArmForecast(0, 1, pytest.approx(500 / 3600), 1000.0), "the search has ended"
