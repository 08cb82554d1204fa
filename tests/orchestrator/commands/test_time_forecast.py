"""What trials will take, by what others took before."""

import json
import os

import pytest
from written_run import write_run

from orchestrator.commands.requested_run import requested_sweep, requested_train
from orchestrator.commands.time_forecast import TimeForecast
from orchestrator.config import RunConfig

_SLDA = {"method.name": "slda", "stream.name": "digits"}


def _config(**changed):
    return RunConfig.from_dict(_SLDA | {key.replace("__", "."): value for key, value in changed.items()})


def _trial(run, config, seconds, trial="trial_0001", tasks=3, **more):
    reports = [{"task": t, "seconds/train": s, **more} for t, s in enumerate(seconds, 1)]
    place = write_run(run.parent, run.name, trial, reports=reports)
    (run / "manifest.json").write_text(json.dumps({"tasks": tasks}))
    (place / "config.yaml").write_text(config.yaml())
    _trial.made += 1
    os.utime(run, (_trial.made, _trial.made))  # the newest
    return place


_trial.made = 0


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_the_median_of_each_task_is_taken_of_all_stages_but_waiting(runs):
    config, other = _config(), {"seconds/evaluate": 2.0, "seconds/checkpoint": 1.0, "seconds/wait": 50.0}
    _trial(runs / "a", config, (1.0, 10.0), **other)
    _trial(runs / "a", config, (3.0, 30.0), "trial_0002", **other)
    _trial(runs / "b", config, (5.0,), **other)  # was stopped
    found = TimeForecast.of(config, 2)
    assert (found.seconds, found.trials) == ((6.0, 23.0), 3)
    assert found.hours(100) == pytest.approx(2900 / 3600)


def test_what_a_whole_trial_left_is_counted(runs):
    for number, size in enumerate((1000, 2000, 9000), 1):
        place = _trial(runs / "a", _config(), (1.0, 1.0), f"trial_{number:04}")
        own = sum(path.stat().st_size for path in place.iterdir())
        (place / "checkpoints").mkdir()
        (place / "checkpoints" / "weights").write_bytes(bytes(size))
    stopped = _trial(runs / "a", _config(), (1.0,), "trial_0009")
    (stopped / "weights").write_bytes(bytes(50_000))
    assert TimeForecast.of(_config(), 2).bytes == pytest.approx(own + 2000, abs=50)


def test_of_64_trials_the_newest_are_taken(runs):
    for number in range(70):
        _trial(runs / f"r{number}", _config(), (float(number),))
    assert TimeForecast.of(_config(), 1) == TimeForecast(
        (37.5,), pytest.approx(TimeForecast.of(_config(), 1).bytes), 64
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"method__name": "ncm"},
        {"stream__image_size": 16},
        {"stream__increment": 4},
        {"run__workers": 2},
        {"run__feature_cache": False},
        {"method__backbone__pretrained": "other"},
    ],
)
def test_another_method_backbone_stream_or_number_of_workers_says_nothing(runs, changed):
    other = _config(**changed)
    _trial(runs / "a", other, (1.0, 1.0))
    assert TimeForecast.of(_config(), 2) is None
    assert TimeForecast.of(other, 2) is not None


def test_other_values_another_seed_and_another_order_do_not_matter(runs):
    _trial(runs / "a", _config(stream__seed=3, stream__order=4, run__seed=5, method__shrinkage=0.5), (2.0,))
    assert TimeForecast.of(_config(), 1).seconds == (2.0,)


def test_no_trial_that_walked_so_many_tasks_is_no_forecast_and_without_a_number_the_longest_counts(runs):
    assert TimeForecast.of(_config(), 2) is None
    _trial(runs / "a", _config(), (1.0,))
    assert TimeForecast.of(_config(), 2) is None
    assert TimeForecast.of(_config(), 1).seconds == (1.0,)
    _trial(runs / "b", _config(), (1.0, 2.0, 4.0))
    assert TimeForecast.of(_config(), None).seconds == (1.0, 2.0, 4.0)
    assert TimeForecast.of(_config(), 2).seconds == (1.0, 2.0)


def test_of_trials_of_the_first_tasks_no_whole_stream_is_forecast(runs):
    _trial(runs / "a", _config(), (1.0, 2.0), tasks=2)
    (runs / "a" / "sweep.yaml").write_text("protocol: first-tasks 2\n")
    assert TimeForecast.of(_config(), None) is None
    assert TimeForecast.of(_config(), 2).seconds == (1.0, 2.0)
    _trial(runs / "b", _config(), (1.0, 2.0))  # all of its trials were stopped
    assert TimeForecast.of(_config(), None) is None


def test_a_fixed_configuration_goes_by_trials_of_its_epochs_and_memory(runs):
    def config(epochs, size):
        return _config(method__name="clip-er", method__epochs=epochs, replay__size=size)

    _trial(runs / "a", config(1, 20), (1.0,))
    _trial(runs / "b", config(100, 20), (90.0,))
    _trial(runs / "c", config(100, 40), (95.0,))
    found = TimeForecast.of(config(100, 20), 1, fixed=True)
    assert (found.seconds, found.trials, found.others) == ((90.0,), 1, False)
    other = TimeForecast.of(config(50, 20), 1, fixed=True)
    assert (other.seconds, other.trials, other.others) == ((90.0,), 3, True)
    assert other.said(1).endswith(
        "as 3 trials before in runs/ took, whose epochs and memory may have been others"
    )


@pytest.mark.parametrize("spoilt", ["tasks.jsonl", "config.yaml"])
@pytest.mark.parametrize(
    "text", ["", "[", "null", '{"task": 2, "seconds/train": 1.0}', '{"method": 1}', "\0"]
)
def test_what_cannot_be_read_counts_as_nothing(runs, spoilt, text):
    (runs / "empty" / "trials").mkdir(parents=True)
    (runs / "file").write_text("")
    (runs / "itself").symlink_to(runs / "itself")
    place = _trial(runs / "a", _config(), (1.0,))
    (place / spoilt).write_text(text)
    assert TimeForecast.of(_config(), 1) is None


def test_a_preview_says_it_of_what_is_left(runs):
    given = {"stream.tasks": 2, "stream.train": 8, "stream.validation": 4, "stream.test": 4}
    asked = {"given": given, "trials": 4}
    start = requested_sweep("slda", **asked)
    unknown = "what a trial takes is not known: none like it has walked 2 task(s) in runs/"
    assert start.preview().endswith(f"\n  {unknown}")
    _trial(runs / "a", start.config, (600.0, 1200.0))
    shown = start.preview()
    assert "\n  4 trials that all walk the whole stream: about 2.0 h one after another and " in shown
    assert (
        " of disk, as one trial before in runs/ took, whose epochs and memory may have been others" in shown
    )
    assert "\n  1 trial: about 30 min one after another" in requested_train("slda", given=given).preview()


def test_a_walk_that_chooses_at_each_task_and_a_plain_one_do_not_forecast_each_other(runs):
    plan = {"per_task.learning_rate": "method.learning_rate", "per_task.learning_rates": [1e-3, 1e-2]}
    plain = _config(method__name="clip-er")
    walk = plain.with_values(plan)
    _trial(runs / "a", plain, (1.0,))
    assert TimeForecast.of(walk, 1) is None
    _trial(runs / "b", walk, (7.0,))
    assert TimeForecast.of(walk, 1).seconds == (7.0,) and TimeForecast.of(plain, 1).seconds == (1.0,)
