"""Whether a long sweep slows down: the driver's memory and the time of a decision, early and late.

    python benchmarks/many_trials.py [--trials 500]

Tune, the search, the scheduler, the record in SQLite and the dispatcher are the real ones. The lane is a
thread that answers at once with two tasks of a hundred metrics: nothing is trained, no picture drawn. A
decision lasts from the lane's last report on one trial to its start of the next.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import ray

from orchestrator.execution.dispatcher import Dispatcher
from orchestrator.execution.job import Outcome
from orchestrator.execution.job_listener import JobListener
from orchestrator.execution.ray_token import RayToken
from orchestrator.record.recorder import RunRecorder
from orchestrator.record.run_context import RunContext
from orchestrator.search.sampler import TaskSearch
from orchestrator.search.space import Space
from orchestrator.search.tuner import search
from orchestrator.storage.identity import Identity
from orchestrator.storage.task_key import task_key
from orchestrator.streams.source import StreamSource, TaskSource

_TASKS = 2
_METRICS = 100
_EARLY = 50
_AROUND = 20  # trials whose median is taken

seconds: dict[str, list[float]] = defaultdict(list)
"""Part of a decision -> the time of each."""


class _FastSession:
    """The part of a session that a search asks."""

    lanes = 1
    scope = ""
    beside = None

    def __init__(self, jobs: int) -> None:
        self.dispatcher = ray.remote(Dispatcher).options(num_cpus=0, max_concurrency=100).remote(jobs)

    def listener(self, *given: Any) -> JobListener:
        return JobListener(self.dispatcher, *given)

    def tick(self) -> None:
        pass


class _NoArtist:
    def trial(self, *_: Any) -> None:
        pass

    def close(self) -> None:
        pass


class _FastLane(threading.Thread):
    """``rss``: the driver's memory at the start of each trial."""

    def __init__(self, dispatcher: Any) -> None:
        super().__init__(daemon=True)
        self._dispatcher = dispatcher
        self.rss: list[int] = []

    def run(self) -> None:
        d, rng, process = self._dispatcher, np.random.default_rng(0), psutil.Process()
        # The stream that a lane waits for: nobody opens it here.
        ray.get(d.set_stream.remote("none"))
        me = 0, "fast"  # the lane, and its worker group's name for itself
        ray.get(d.join.remote(*me, 0.0))
        reported = None
        while True:
            state, job = ray.get(d.next.remote(*me))
            if state == "end":
                return
            if state == "wait":
                continue
            if reported is not None:
                seconds["decision"].append(time.perf_counter() - reported)
            self.rss.append(process.memory_info().rss)
            outcome = "finished"
            for task in range(1, _TASKS + 1):
                reported = time.perf_counter()
                ray.get(d.report.remote(*me, job, _report(task, rng)))
                while (verdict := ray.get(d.verdict.remote(*me, job, task))) is None:
                    pass
                if not verdict and task < _TASKS:
                    outcome = "stopped"
                    break
            ray.get(d.end.remote(*me, job, Outcome(outcome)))


def _report(task: int, rng: np.random.Generator) -> dict[str, float]:
    values = rng.uniform(0, 100, _METRICS)
    scores = {f"validation/{task_key(k)}/r_mean": values[k] for k in range(task)}
    others = {f"validation/other_{k:02d}": value for k, value in enumerate(values[task + 1 :])}
    return {"task": task, "validation/seen/r_mean": values[task], **scores, **others}


def _time(owner: Any, name: str, part: str) -> None:
    """Has ``owner``'s function ``name`` write down its time."""
    real = getattr(owner, name)

    def timed(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return real(*args, **options)
        finally:
            seconds[part].append(time.perf_counter() - began)

    setattr(owner, name, timed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=500)
    return parser


def main(arguments: list[str] | None = None) -> None:
    trials = _parser().parse_args(arguments).trials
    folder = Path(tempfile.mkdtemp(prefix="many-trials-")) / "run"
    folder.mkdir()
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"  # as a session has it
    RayToken(print)
    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    _time(TaskSearch, "suggest", "the search's proposal")
    _time(RunRecorder, "start", "the record of its start")
    _time(RunRecorder, "end", "the record of its end")
    space = Space.load("ctp", None, None, {})
    identity = Identity.new("", "")
    tasks = [TaskSource(f"task {k + 1}", {}) for k in range(_TASKS)]
    source = StreamSource("none", "retrieval", 0, [], tasks, "none", "")
    run = RunContext(folder, identity, space.config, source, None, (0,), lambda line: None)
    recorder = RunRecorder.open(
        run, space.trial_config, space.objective, trials, check_values=space.check_values
    )
    recorder._records.figures.close()
    recorder._records.figures = _NoArtist()
    session = _FastSession(trials)
    lane = _FastLane(session.dispatcher)
    lane.start()
    began = time.perf_counter()
    search(run, space, session, recorder, trials)
    wall = time.perf_counter() - began
    ray.get(session.dispatcher.drain.remote())
    lane.join()
    left = recorder.finish("finished", {}, {})

    def at(trial: int, values: list[float]) -> float:
        return median(values[max(0, trial - _AROUND) : trial])

    first = min(_EARLY, trials)
    early, late = at(first, lane.rss), at(trials, lane.rss)
    print(f"{len(lane.rss)} trials in {wall:.0f} s, one lane\n")
    print(f"{'':<26}{f'at {first}':>10}{f'at {trials}':>10}{'ratio':>8}")
    print(f"{'driver, MiB':<26}{early / 2**20:>10.0f}{late / 2**20:>10.0f}{late / early:>8.2f}")
    for part, values in seconds.items():
        # There is one decision between two trials, so a part may have fewer times than there are trials.
        early, late = at(min(first, len(values)), values), at(min(trials, len(values)), values)
        print(f"{part + ', s':<26}{early:>10.3f}{late:>10.3f}{late / early:>8.2f}")
    print("\n" + "\n".join(left))


if __name__ == "__main__":
    main()
