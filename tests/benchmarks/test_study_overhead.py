"""What a study costs over its trainings, of runs written by hand."""

import json
import runpy
from pathlib import Path

import pytest
from written_run import write_run

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "study_overhead.py"))


def _run(runs, name, seconds, *journal):
    reports = [
        {"task": 1, "seconds/train": seconds - 3.0, "seconds/evaluate": 2.0, "seconds/checkpoint": 1.0}
        | {"seconds/wait": 50.0}
    ]
    write_run(runs, name, "t", reports=reports)
    lines = [json.dumps({"op": op, "key": "", "run": "", "time": 1000 * time}) for op, time in journal]
    (runs / name / "tracking.jsonl").write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def study(tmp_path):
    runs = tmp_path / "runs"
    _run(runs, "s-slda", 30.0, ("open", 100), ("end", 140), ("open", 500), ("end", 510))
    _run(runs, "s-slda-pair1", 20.0, ("open", 130), ("end", 160))
    _run(runs, "other", 1000.0, ("open", 0), ("end", 9999))
    (runs / "s" / "lanes" / "lane-0-a").mkdir(parents=True)
    for lane in ("lane-1-a", "lane-0-b"):  # of two sessions
        (runs / "s" / "lanes" / lane).mkdir()
    (runs / "s" / "study.yaml").write_text("methods: [slda]\nstreams: [digits]\npairs: 2\n")
    return runs / "s"


def test_the_share_of_the_lanes_time_that_was_not_the_tasks(benchmark, study, capsys):
    benchmark["main"]([str(study)])
    # From 100 to 160 and from 500 to 510 on two lanes, less 50 s of tasks.
    assert capsys.readouterr().out.splitlines() == [
        "runs 2   lanes 2",
        "under way 70 s   lanes' time 140 s   tasks 50 s",
        "not the tasks' own: 64.3% of the lanes' time",
    ]


@pytest.mark.parametrize(
    ("intervals", "length"),
    [
        ([], 0.0),
        ([(0, 1), (2, 4)], 3.0),
        ([(2, 4), (0, 3)], 4.0),
        ([(0, 9), (1, 2), (8, 10)], 10.0),
    ],
)
def test_what_overlaps_counts_once(benchmark, intervals, length):
    assert benchmark["busy"](intervals) == length


def test_a_folder_without_runs_is_said(benchmark, study):
    for run in ("s-slda", "s-slda-pair1"):
        (study.parent / run).rename(study.parent / f"gone-{run}")
    with pytest.raises(SystemExit, match="s: has no run; allowed: the folder of a study that has ended"):
        benchmark["main"]([str(study)])
