"""Seconds from a sweep's command to its first finished task, by stage, in a fresh process.

    python benchmarks/first_task.py [--set KEY=VALUE ...]      CTP, by the session alone; nothing is cached
    python benchmarks/first_task.py --cached [--runs 3]        sweep clip-er --stream digits --trials 4, typed

Stages overlap: workers come up while the stream is published. With --cached the command runs once more
before, so that features, databases and the disk's cache are there. Each run is ended after its first task.
Of several runs the medians are printed, of each stage by itself, and the CPU seconds of all processes.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_BEGAN = time.perf_counter()
_COMMAND = ["clip-er", "--stream", "digits", "--trials", "4"]
_STAGES = {
    "reading the stream": "imports of the command line, search space read and checked",
    "starting Ray": "stream read and checked, record opened",
    "features of": "Ray started, Train and Tune imported meanwhile",
    "warming": "features found",
    "features in memory": "stream published",
    "trial 1/": "first trial proposed, its process in Tune up",
    "lane 1 is up": "the lane's workers are up",
    "task 1/": "first task reported",
}
"""What a line of the command says -> the stage that has ended."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="another configuration")
    parser.add_argument("--cached", action="store_true", help="the command as typed, with features kept")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="beside --cached: runs (default 3)")
    return parser


def stages(lines: Iterable[tuple[float, str]]) -> dict[str, float]:
    """Returns stage -> seconds at which it had ended, up to the first task.

    Args:
        lines: The command's lines, each with the seconds at which it came.
    """
    found: dict[str, float] = {}
    for at, line in lines:
        # The line of a task begins as that of its trial does.
        said = [word for word in _STAGES if word in line and (word != "trial 1/" or "task 1/" not in line)]
        for word in said:
            found.setdefault(_STAGES[word], at)
        if "task 1/" in said:
            break
    return found


def _typed(folder: Path) -> tuple[dict[str, float], float]:
    """Runs the command in ``folder`` until its first task: its stages, and the CPU seconds until then."""
    import psutil

    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    line = [sys.executable, "-u", "-m", "orchestrator.sweep", *_COMMAND]
    began, lines, cpu = time.perf_counter(), [], 0.0
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(line, cwd=folder, env={**os.environ, "PYTHONPATH": path}, **how) as process:
        for said in process.stdout:
            lines.append((time.perf_counter() - began, said.rstrip()))
            if "task 1/" in said and not cpu:
                driver = psutil.Process(process.pid)
                for one in (driver, *driver.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        cpu += sum(one.cpu_times()[:2])
                process.send_signal(signal.SIGINT)  # the task under way is finished
    if not cpu:
        raise SystemExit("\n".join(said for _, said in lines))
    return stages(lines), cpu


def _cached(runs: int) -> None:
    """Prints the stages of the command with everything cached, as medians of ``runs`` runs."""
    folder = Path(tempfile.mkdtemp(prefix="first-task-"))
    _typed(folder)
    measured = [_typed(folder) for _ in range(runs)]
    previous = 0.0
    common = [stage for stage in _STAGES.values() if all(stage in found for found, _ in measured)]
    ended = {stage: statistics.median(found[stage] for found, _ in measured) for stage in common}
    for stage, at in sorted(ended.items(), key=lambda item: item[1]):
        print(f"{at:7.2f} s  (+{at - previous:5.2f})  {stage}")
        previous = at
    firsts = [max(found.values()) for found, _ in measured]
    cpu = statistics.median(seconds for _, seconds in measured)
    print(
        f"first task in {', '.join(f'{first:.2f}' for first in firsts)} s; {cpu:.1f} CPU seconds until then"
    )


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    if given.cached:
        _cached(given.runs)
        return
    marks: list[tuple[str, float]] = []

    def mark(name: str) -> None:
        marks.append((name, time.perf_counter() - _BEGAN))

    from orchestrator.config import parse_set
    from orchestrator.search.space import Space
    from orchestrator.streams import registry as streams

    mark("imports of the command line")
    space = Space.load("ctp", values=parse_set(given.set))
    mark("search space read and checked")
    source = streams.get(space.config.stream_name).load(space.config.stream, False)
    mark("stream generated")
    from orchestrator.execution.job import Job
    from orchestrator.execution.session import Session
    from orchestrator.execution.session_request import SessionRequest
    from orchestrator.storage.identity import Identity
    from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
    from orchestrator.tracking import Tracker

    folder = Path(tempfile.mkdtemp(prefix="first-task-"))
    tracker = Tracker(folder / "run", None, "first", "run")
    tracker.start({}, {})
    tokenizer = fit_tokenizer(source, space.config.stream, folder / "tokenizer")
    mark("tracker and tokenizer")

    def say(line: str) -> None:
        if line.startswith("warming"):
            mark("Ray started")

    with Session(
        SessionRequest(
            folder,
            Identity.new("", ""),
            space.config,
            source,
            tokenizer,
            lanes=1,
            jobs=1,
            seeds=[space.config.run.seed],
            largest_memory=space.largest_memory(len(source.categories)),
        ),
        say,
    ) as session:
        mark("stream published")
        first: list[float] = []

        def report(job: Job, metrics: dict[str, float]) -> None:
            if not first:
                first.append(metrics["seconds/train"] + metrics["seconds/evaluate"])
                mark("first task reported")

        job = Job("first", "train", space.start_config.to_dict(), {}, folder / "t")
        session.run([job], on_report=report)
        ready = session.lanes_up()[0]
    tracker.close()
    previous = 0.0
    for name, at in marks:
        print(f"{at:7.2f} s  (+{at - previous:5.2f})  {name}")
        previous = at
    print(f"the lane came up in {ready:.2f} s; training and evaluating the first task took {first[0]:.2f} s")


if __name__ == "__main__":
    main()
