"""What a study costs over its trainings.

    python benchmarks/study_overhead.py runs/NAME

It reads a study that has ended. The table has the time in which its runs were under way; what its tasks took
(training, evaluation and checkpoint, summed over all trials of all searches and pairs); and the share of its
lanes' time that went to anything else: start-up, choice of values, looks at test data, lanes that had nothing
to do, and pictures. Pauses between two commands that went on with it do not count.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from orchestrator.housekeeping.studies import runs_asked_for
from orchestrator.storage.run_files import trials_of
from orchestrator.storage.trial_files import STATUS_FILE
from orchestrator.tracking.journal import Journal

_STAGES = ("train", "evaluate", "checkpoint")


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    runs = [given.study.parent / name for name in runs_asked_for(given.study)]
    runs = [run for run in runs if run.is_dir()]
    if not runs:
        sys.exit(f"{given.study}: has no run; allowed: the folder of a study that has ended")
    numbers = {folder.name.split("-")[1] for folder in (given.study / "lanes").glob("lane-*-*")}
    lanes = max(1, len(numbers))  # each session has folders of its own for them
    under_way = busy([interval for run in runs for interval in _intervals(run)])
    tasks = sum(_seconds(run) for run in runs)
    print(f"runs {len(runs)}   lanes {lanes}")
    print(f"under way {under_way:.0f} s   lanes' time {lanes * under_way:.0f} s   tasks {tasks:.0f} s")
    print(f"not the tasks' own: {1 - tasks / (lanes * under_way):.1%} of the lanes' time")


def busy(intervals: list[tuple[float, float]]) -> float:
    """The length of the union of intervals."""
    length, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        length += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return length


def _intervals(run: Path) -> Iterator[tuple[float, float]]:
    """When the run was under way, in seconds: from each record that opens it to the last one before the
    next.
    """
    begun = last = None
    for record, _ in Journal(run).read():
        if record["op"] == "open" and begun is not None:
            yield begun / 1000, last / 1000
            begun = None
        if "time" in record:
            begun, last = record["time"] if begun is None else begun, record["time"]
    if begun is not None:
        yield begun / 1000, last / 1000


def _seconds(run: Path) -> float:
    total = 0.0
    for file in trials_of(run).glob(f"*/{STATUS_FILE}"):
        for report in json.loads(file.read_text(encoding="utf-8"))["reports"]:
            total += sum(report.get(f"seconds/{stage}", 0.0) for stage in _STAGES)
    return total


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, metavar="RUNS/NAME", help="the folder of a study that has ended")
    return parser


if __name__ == "__main__":
    main()
