"""Which stage ends with which of a command's lines. Nothing is measured."""

import runpy
from pathlib import Path

_FILE = Path(__file__).parents[2] / "benchmarks" / "first_task.py"


def test_each_stage_ends_with_its_own_line():
    module = runpy.run_path(str(_FILE))
    lines = [
        "[   0.3s] reading the stream digits",
        "[   3.7s] at most 1 trial at once (a quarter; --concurrent N for more)",
        "[   3.7s] starting Ray",
        "[   5.0s] features of digits: found in /runs/features/990f",
        "[   5.1s] warming 1 lane(s) of 1 worker(s) each",
        "[   5.5s] features in memory: 1.79 MB, 5.32 GB of the object store may be used",
        "[   7.5s] trial 1/4 starts  head=linear  learning_rate=0.001",
        "[   9.4s] lane 1 is up after 4.3 s",
        "[  10.1s] trial 1/4 task 1/5 classes 1-2: validation/average 53.6  (0.8 s)",
        "[  10.2s] trial 1/4 task 2/5 classes 3-4: validation/average 50.1  (0.8 s)",
    ]
    found = module["stages"](enumerate(lines))
    assert list(found.values()) == [0, 2, 3, 4, 5, 6, 7, 8] and [*found] == [*module["_STAGES"].values()]
    assert module["stages"](enumerate(lines[:3])) == {stage: at for stage, at in found.items() if at < 3}
