"""Tables, sentences and files of a leaderboard have the unit of the metric that ranks."""

import csv
import io
import json

import pytest
from recorded_runs import Record, trial
from told_study import read_page

from orchestrator import compare
from orchestrator.leaderboard import leaderboard as board

pytestmark = pytest.mark.unit

_RANK = {"a": [2.0, 3.0, 2.0, 4.0, 3.0, 2.0], "b": [6.0, 7.5, 7.0, 8.0, 7.0, 6.5]}


@pytest.fixture
def record(monkeypatch):
    """Two methods with six pairs; ``a`` is better by 4.33 ranks, and by 10 degrees."""
    found = Record()
    monkeypatch.setattr(board, "RecordReader", lambda runs: found)
    for method, ranks in _RANK.items():
        runs = [
            trial(
                seed,
                {"average": 50.0, "txt_median_rank": rank, "drift/angle": 10 * rank},
                gpus=0.5,
                seconds=10 * rank,
                replay__bytes=1000 * rank,
                flops__train=2.5e12 * rank,
            )
            for seed, rank in enumerate(ranks, 1)
        ]
        found.run(method, method, runs)
    return found


def _out(metric, tmp_path, capsys):
    assert compare.main(["--metric", metric, "--out", str(tmp_path)]) == 0
    return capsys.readouterr().out


def test_a_median_rank_is_in_ranks_wherever_it_is_told(record, tmp_path, capsys):
    out = _out("txt_median_rank", tmp_path, capsys)
    assert "`txt_median_rank` on test data, in ranks from 1 on: mean ± " in out and "percent:" not in out
    assert "| method | mean (ranks) | 95 % interval |" in out
    assert "| method | average | drift/angle (degrees) | bytes kept | seconds/train |" in out
    page = read_page((tmp_path / "leaderboard.html").read_text())
    said = " ".join(page.words)
    assert "a beats b by 4.33 ranks (95 % interval " in said
    assert "a less each other method, txt_median_rank in ranks, over" in said and "a less it, ranks" in said
    assert "txt_median_rank, test data, ranks" in said
    assert "points" not in said and "test data in percent" not in said
    assert page.tables["leaderboard"][0][1] == "mean (ranks)"
    tex = (tmp_path / "leaderboard.tex").read_text()
    assert "txt median rank (ranks) &" in tex and "in ranks from 1 on" in tex
    units = {r["metric"]: r["unit"] for r in csv.DictReader(io.StringIO(_read(tmp_path, "csv")))}
    assert units == {
        "txt_median_rank": "ranks",
        "average": "%",
        "drift/angle": "degrees",
        "replay/bytes": "bytes",
        "seconds/train": "seconds",
        "seconds/evaluate": "seconds",
        "flops/train": "FLOPs",
        "gpu_hours": "GPU-hours",
    }
    assert json.loads(_read(tmp_path, "json"))["streams"][0]["unit"] == "ranks"


@pytest.mark.parametrize(
    ("metric", "cells", "won"),
    [
        ("drift/angle", ["mean (degrees)", "26.7 ± 8.2", "18.1 to 35.2"], "by 43.3 degrees ("),
        ("seconds/train", ["mean (seconds)", "53.3 ± 16.3", "36.2 to 70.5"], "by 86.7 seconds ("),
        ("replay/bytes", ["mean", "2.7 kB", "1.8 kB to 3.5 kB"], "by 4333.3 bytes ("),
        ("flops/train", ["mean", "13 TFLOPs", "9.0 TFLOPs to 18 TFLOPs"], "by 21666666666666.7 FLOPs ("),
        ("gpu_hours", ["mean (GPU-hours)", "0.008", "0.005 to 0.010"], "by 0.0120 GPU-hours ("),
    ],
)
def test_an_angle_and_each_cost_has_its_own_unit(metric, cells, won, record, tmp_path, capsys):
    out = _out(metric, tmp_path, capsys)
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in out.splitlines() if line.startswith("| ")]
    assert [rows[0][1], *rows[2][1:3]] == cells
    assert won in " ".join(read_page((tmp_path / "leaderboard.html").read_text()).words)
    runs = list(csv.DictReader(io.StringIO((tmp_path / "leaderboard-runs.csv").read_text())))
    assert all(row[metric] for row in runs), "a cost that ranks is in its column"
    told = [r["metric"] for r in csv.DictReader(io.StringIO(_read(tmp_path, "csv"))) if r["method"] == "a"]
    assert told.count(metric) == 1


def test_a_function_of_ones_own_has_no_unit(record, tmp_path, capsys, monkeypatch):
    for run in record._runs:
        if run.trial:
            record._texts[run.id] = f"after,t0\nt0,{run.metrics['test/txt_median_rank']}\n"
    (tmp_path / "unit_cm.py").write_text("def f(matrix):\n    return -matrix[0, 0]\n")
    monkeypatch.syspath_prepend(tmp_path)
    out = _out("unit_cm:f", tmp_path, capsys)
    assert "`unit_cm:f` on test data, in its own unit: " in out and "| method | mean | 95" in out
    said = " ".join(read_page((tmp_path / "leaderboard.html").read_text()).words)
    assert "a beats b by 4.33 (95 % interval " in said and "unit_cm:f in its own unit, over" in said
    assert "a less it, " not in said and "a less it" in said


def _read(folder, shape):
    return (folder / f"leaderboard.{shape}").read_text()
