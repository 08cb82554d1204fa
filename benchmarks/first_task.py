"""Seconds from a sweep's command to its first finished task, by stage, in a fresh process.

    python benchmarks/first_task.py [--set KEY=VALUE ...]

Stages overlap: workers come up while the stream is published.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

_BEGAN = time.perf_counter()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="another configuration")
    return parser


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
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
