"""Recorded sweeps in simulated time: what stopping saves and costs, on curves whose answer is known."""

import json

import numpy as np
import pytest
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from orchestrator.errors import UserError
from orchestrator.simulate.__main__ import main
from orchestrator.simulate.recorded_sweep import RecordedSweep
from orchestrator.simulate.replay import Replay
from orchestrator.simulate.simulated_sweep import METRIC, simulated_sweep

_METRIC = "validation/average"


def _written(folder, curves, mode="max", statuses=(), seconds=None):
    for number, curve in enumerate(curves):
        trial = folder / "trials" / f"trial_{number + 1:04d}"
        trial.mkdir(parents=True)
        took = (
            {}
            if seconds is None
            else {"seconds/train": seconds[number], "seconds/wait": 0.25, "seconds/evaluate": 0.5}
        )
        reports = [{"task": task, _METRIC: value, **took} for task, value in enumerate(curve, 1)]
        status = statuses[number] if statuses else "finished"
        (trial / "trial.json").write_text(json.dumps({"values": {}}))
        (trial / "status.json").write_text(json.dumps({"status": status, "reports": reports}))
    (folder / "space.yaml").write_text(f"objective: {{metric: {_METRIC}, mode: {mode}}}\n")
    return folder


def _recorded(curves, seconds, mode="max") -> RecordedSweep:
    curves, seconds = np.array(curves, float), np.array(seconds, float)
    return RecordedSweep("r", mode, curves, seconds, (None,) * len(curves), 0)


def test_curves_times_and_what_is_left_out_are_read(tmp_path):
    folder = _written(
        tmp_path / "s", [[9, 8], [7], [5, 6]], statuses=["finished", "stopped", "finished"], seconds=[1, 2, 3]
    )
    found = RecordedSweep.read(folder)
    assert (found.name, found.mode, found.left_out) == ("s", "max", 1)
    assert found.curves.tolist() == [[9, 8], [5, 6]]
    assert found.seconds.tolist() == [[1.5, 1.5], [3.5, 3.5]]
    assert RecordedSweep.read(_written(tmp_path / "t", [[9, 8]])).seconds.tolist() == [[1, 1]]


def test_what_is_no_sweep_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"no sweep, as space.yaml is not there; allowed: names of sweeps$"):
        RecordedSweep.read(tmp_path)
    folder = _written(tmp_path / "s", [[9, 8]])
    (folder / "trials" / "trial_0001" / "status.json").write_text('{"status": "finished"}')
    with pytest.raises(UserError, match=r"s: KeyError 'reports'; allowed: a sweep's own files$"):
        RecordedSweep.read(folder)


def test_lanes_walk_tasks_in_the_time_that_they_took():
    """Two lanes: trial 0 has one until 6, trials 1 and 2 share the other one until 2 and 2 + 8."""
    recorded = _recorded([[1, 1], [1, 1], [1, 1]], [[3, 3], [1, 1], [4, 4]])
    found = simulated_sweep(recorded, [0, 1, 2], 2, FIFOScheduler())
    assert (found.done.tolist(), found.seconds, found.ended) == ([2, 2, 2], 16, 10)
    assert simulated_sweep(recorded, [0, 1, 2], 1, FIFOScheduler()).ended == 16
    assert simulated_sweep(recorded, [2, 0, 1], 2, FIFOScheduler()).ended == 8


class _Stops(FIFOScheduler):
    """Stops whose value after the first task is below 5, and writes down who was asked when."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def on_trial_result(self, controller, trial, result):
        self.asked.append((trial.trial_id, result["task"]))
        return TrialScheduler.STOP if result[METRIC] < 5 else TrialScheduler.CONTINUE


def test_a_stopped_trials_lane_goes_on_with_the_next_and_nobody_is_asked_after_the_last_task():
    rule = _Stops()
    found = simulated_sweep(_recorded([[1, 9], [9, 9], [9, 1]], [[2, 2]] * 3), [0, 1, 2], 1, rule)
    assert (found.done.tolist(), found.seconds, found.ended) == ([1, 2, 2], 10, 10)
    assert rule.asked == [("0", 1), ("1", 1), ("2", 1)]


@pytest.mark.parametrize("mode", ["max", "min"])
def test_what_is_lost_and_saved_is_counted(mode):
    sign = 1 if mode == "max" else -1

    class Stops(FIFOScheduler):
        def on_trial_result(self, controller, trial, result):
            return TrialScheduler.STOP if sign * result[METRIC] < 5 else TrialScheduler.CONTINUE

    curves = sign * np.array([[1, 9], [9, 6], [9, 4]])
    recorded = _recorded(curves, [[2, 6], [1, 1], [1, 1]], mode)
    found = Replay.of(recorded, lambda *_: Stops(), trials=3, lanes=1, sweeps=20)
    assert (found.best_stopped, found.regret) == (100, 3), "9 would have been best, 6 is left"
    assert found.training_saved == pytest.approx(50) and found.time_saved == pytest.approx(50)
    kept = Replay.of(recorded, lambda *_: FIFOScheduler(), trials=2, lanes=2, sweeps=20)
    assert kept == Replay(0, 0, 0, 0)


def test_where_every_trial_is_stopped_all_is_lost():
    class Stops(FIFOScheduler):
        def on_trial_result(self, controller, trial, result):
            return TrialScheduler.STOP

    recorded = _recorded([[1, 9], [1, 6]], [[1, 1]] * 2)
    found = Replay.of(recorded, lambda *_: Stops(), trials=2, lanes=1, sweeps=3)
    assert (found.best_stopped, found.regret) == (100, 3)


def _run(tmp_path, monkeypatch, capsys, *words) -> list[str]:
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--draws", "30"]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_command_compares_rules_on_the_same_draws(tmp_path, monkeypatch, capsys):
    curves = [[90.0 + k, 80.0 + k, 70.0 + k, 60.0 + k, 50.0 + k] for k in range(8)]
    _written(tmp_path / "runs" / "s", [*curves, [1.0]], statuses=["finished"] * 8 + ["stopped"])
    lines = _run(tmp_path, monkeypatch, capsys, "s", "--trials", "6")
    rows = {line.split(" | ")[2]: line.strip("| ").split(" | ") for line in lines if line.startswith("| s |")}
    assert list(rows) == ["asha", "median", "none"]
    assert rows["none"] == ["s", "8", "none", "0.0", "0.00", "0.0", "0.0"]
    assert rows["asha"][3:5] == ["0.0", "0.00"] and float(rows["asha"][5]) > 5
    assert lines[-1].startswith("Left out, as they did not walk the whole stream: s 1 trials.")
    (only,) = [
        line
        for line in _run(
            tmp_path,
            monkeypatch,
            capsys,
            "s",
            "--trials",
            "8",
            "--scheduler",
            "median:margin=99,min_trials=1",
        )
        if line.startswith("| s |")
    ]
    assert only == "| s | 8 | median:margin=99,min_trials=1 | 0.0 | 0.00 | 0.0 | 0.0 |"


@pytest.mark.parametrize(("searched", "stopped"), [("choices: [64, 96]", 0), ("low: 64, high: 96", 1)])
def test_trials_are_compared_as_in_the_sweep(tmp_path, monkeypatch, capsys, searched, stopped):
    """64 and 96 have as many binary digits: two sizes where they are choices, one where they are of a range.
    The four with 64 lead until the last task.
    """
    leading = [[90.0 + k, 80.0 + k, 70.0 + k, 60.0 + k, 50.0 + k] for k in range(4)]
    last = [[20.0 + k, 10.0 + k, 10.0 + k, 10.0 + k, 80.0 + k] for k in range(4)]
    folder = _written(tmp_path / "runs" / "s", [*leading, *last])
    for number in range(8):
        file = folder / "trials" / f"trial_{number + 1:04d}" / "trial.json"
        file.write_text(json.dumps({"values": {"replay.size": 64 if number < 4 else 96}}))
    with (folder / "space.yaml").open("a") as file:
        file.write(f"search: {{replay.size: {{type: any, {searched}}}}}\n")
    (line,) = [
        line
        for line in _run(
            tmp_path, monkeypatch, capsys, "s", "--trials", "8", "--scheduler", "median:min_trials=2"
        )
        if line.startswith("| s |")
    ]
    assert (float(line.split(" | ")[3]) > 20) is bool(stopped)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["t"], "runs/t: no sweep, as space.yaml is not there; allowed: names of sweeps"),
        (["../s"], "a sweep '../s': allowed are 1 to 100 letters"),
        (
            ["s", "--trials", "3"],
            "s: 2 trials walked the whole stream, 3 are asked for; allowed: --trials of 2 at most",
        ),
        (["s", "--trials", "0"], "--trials 0: allowed are whole numbers from 1"),
        (["s", "--lanes", "-1"], "--lanes -1: allowed are whole numbers from 1"),
        (["s", "--scheduler", "best"], "--scheduler best: 'best': allowed are asha, median, none"),
        (
            ["s", "--scheduler", "median:margin"],
            "--scheduler median:margin: margin: no value; allowed is OPTION=VALUE",
        ),
        (
            ["s", "--scheduler", "asha:margin=2"],
            "--scheduler asha:margin=2: margin: no option of asha; allowed: reduction_factor",
        ),
    ],
)
def test_what_cannot_be_replayed_is_one_line(tmp_path, monkeypatch, words, why):
    _written(tmp_path / "runs" / "s", [[1.0, 2.0], [2.0, 1.0]])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        main(words)
    assert str(raised.value).startswith(why) and "\n" not in str(raised.value)
