"""The replay of early stopping over recorded curves. No Ray is started."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

_FILE = Path(__file__).parents[2] / "benchmarks" / "stopping.py"
_METRIC = "validation/average"


@pytest.fixture
def replay(monkeypatch, tmp_path, capsys):
    """(curves, words) -> rule -> (% of sweeps whose best is stopped, what is lost, % saved)."""
    spec = importlib.util.spec_from_file_location("benchmark_stopping", _FILE)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)

    def replayed(curves, *words, mode="max", run="recorded", sizes=()):
        folder = tmp_path / run
        for number, curve in enumerate(curves):
            trial = folder / "trials" / f"trial_{number + 1:04d}"
            trial.mkdir(parents=True)
            reports = [{"task": task, _METRIC: value} for task, value in enumerate(curve, 1)]
            values = {"replay.size": sizes[number]} if sizes else {}
            (trial / "trial.json").write_text(json.dumps({"values": values}))
            (trial / "status.json").write_text(json.dumps({"status": "finished", "reports": reports}))
        (folder / "space.yaml").write_text(f"objective: {{metric: {_METRIC}, mode: {mode}}}\n")
        module.main([str(tmp_path), "--sweeps", "40", *words])
        lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(run)]
        rows = {
            line[30:48].strip(): tuple(map(float, line[48:].split())) for line in lines if "only" not in line
        }
        return rows if rows else lines

    return replayed


_ORDERED = [[90.0 + k, 80.0 + k, 70.0 + k, 60.0 + k, 50.0 + k] for k in range(8)]
_LATE = [*_ORDERED[:7], [90.0 + 7, 80.0 + 7, 70.0, 40.0, 60.0]]  # the best, though it is poor at task 4


def test_where_the_order_never_changes_the_best_is_never_stopped_and_training_is_saved(replay):
    rows = replay(_ORDERED)
    assert list(rows) == ["rungs throughout", "sweep's", "margin 1", "margin 2"]
    for stopped, lost, saved in rows.values():
        assert (stopped, lost) == (0, 0) and saved > 5
    assert rows["rungs throughout"][2] > rows["sweep's"][2] > rows["margin 1"][2] > rows["margin 2"][2]


def test_a_rung_in_the_last_half_stops_a_trial_that_is_poor_there_for_a_while(replay):
    rows = replay(_LATE)
    assert rows["rungs throughout"][0] > 20 and rows["rungs throughout"][1] > 1
    assert rows["sweep's"][:2] == (0, 0)


def test_where_less_is_better_the_lowest_is_best(replay):
    falling = [[-value for value in curve] for curve in _LATE]
    assert replay(falling, mode="min") == replay(_LATE, run="second")


def test_trials_are_judged_by_those_with_a_memory_of_their_size(replay):
    """Trials with the large memory lead until the last task, where those with the small one are better."""
    small = [[70.0 + k, 60.0 + k, 50.0 + k, 50.0 + k, 80.0 + k] for k in range(4)]
    curves, sizes = [*_ORDERED[4:], *small], [256] * 4 + [64] * 4
    assert replay(curves, run="alike")["sweep's"][0] > 20
    found = replay(curves, run="sizes", sizes=sizes)
    assert found["sweep's"][:2] == found["margin 1"][:2] == (0, 0)


def test_one_lane_of_one_trial_after_another_and_a_large_margin_stop_none(replay):
    rows = replay(_ORDERED, "--lanes", "1", "--margins", "99")
    assert rows["margin 99"] == (0, 0, 0)


def test_a_sweep_of_too_few_whole_trials_is_said(replay):
    (line,) = replay(_ORDERED[:3], run="short")
    assert line.split(maxsplit=1)[1] == "only 3 trials walked the whole stream"
