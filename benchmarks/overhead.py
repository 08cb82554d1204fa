"""What the orchestrator costs: a sweep's wall time over the same training in a bare PyTorch loop.

    python benchmarks/overhead.py [--trials 2] [--epochs 7]      trials of about 30 s on one core
    python benchmarks/overhead.py --trials 40 --epochs 0         trials of nothing: one step a task

There is one lane, which is warm before the clock starts. The bare loop runs first, in one warm process with
as many threads as the lane's worker. It builds the model and trains, without evaluation, checkpoint or
record. The script prints the ratio, the seconds a trial, and their stages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from methods.method import Batch
from methods.registry import get as get_method
from orchestrator.config import RunConfig
from orchestrator.execution.job import Job
from orchestrator.execution.session import Session
from orchestrator.execution.session_request import SessionRequest
from orchestrator.record.recorder import RunRecorder
from orchestrator.record.run_context import RunContext
from orchestrator.search.space import Space
from orchestrator.search.tuner import search
from orchestrator.storage.identity import Identity
from orchestrator.streams import registry as streams
from orchestrator.streams.prepare import prepare
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer

_SPACE = """
method: ctp
stream: shapes-retrieval
objective: {{metric: validation/seen/r_mean, mode: max}}
trials: 1
scheduler: none
fixed:
  method.backbone.size: small
  method.embed_dim: 64
  method.batch_size: 32
  method.learning_rate: 5e-4
  method.queue_size: 0
  method.mlm_weight: 0.2
  replay.size: 0
  method.epochs: {epochs}
  stream.train: {train}
  stream.validation: {validation}
search:
  # All trials are nearly alike, and no point comes twice: to find one that has not been is no part of this.
  method.min_learning_rate: {{type: float, low: 1.0e-5, high: 1.1e-5}}
"""


def bare(config: RunConfig, folder: Path) -> float:
    """Seconds that one trial's training takes in a plain loop, arrays in memory, after a warm-up."""
    source = streams.get(config.stream_name).load(config.stream, False)
    stream = prepare(source, fit_tokenizer(source, config.stream, folder / "bare"))
    data = []
    for task in stream.tasks:
        split = task.splits["train"]
        pictures = split.pictures.read(np.arange(len(split)))
        image = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
        data.append((image, torch.from_numpy(split.tokens.astype(np.int64))))

    def walk(tasks: int) -> float:
        torch.manual_seed(0)
        began = time.perf_counter()
        method = get_method(config.method_name)(config.method, stream.spec)
        for task, (image, tokens) in zip(stream.tasks[:tasks], data, strict=False):
            method.start_task(task.task)
            for phase in method.phases(task.task):
                method.train()
                optimizer = phase.optimizer()
                rates = [group["lr"] for group in optimizer.param_groups]
                steps = phase.epochs * max(1, len(image) // phase.batch_size)
                for step in range(steps):
                    if step % (steps // phase.epochs) == 0:
                        order = torch.randperm(len(image))
                    first = step % (steps // phase.epochs) * phase.batch_size
                    rows = order[first : first + phase.batch_size]
                    for group, rate in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = rate * phase.learning_rate(step, steps)
                    method.before_step(phase)
                    batch = Batch(image[rows], tokens[rows], torch.zeros(len(rows)), rows, seed=step)
                    sum(method.loss(batch, phase).values()).backward()
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=True)
            method.finish_task(task.task, lambda: ())
        return time.perf_counter() - began

    walk(2)
    return walk(len(stream.tasks))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument(
        "--epochs", type=int, default=7, help="0: one step a task, next to nothing to evaluate"
    )
    parser.add_argument("--bare", metavar="FOLDER", help=argparse.SUPPRESS)
    return parser


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    folder = Path(given.bare or tempfile.mkdtemp(prefix="overhead-"))
    path = folder / "space.yaml"
    sizes = {"epochs": max(1, given.epochs), "train": 480, "validation": 96}
    if not given.epochs:
        sizes |= {"train": 32, "validation": 2}
    path.write_text(_SPACE.format(**sizes))
    space = Space.load(path)
    torch.set_num_threads(1)
    if given.bare:
        print(bare(space.config, folder))
        return
    line = [sys.executable, __file__, "--epochs", str(given.epochs), "--bare", str(folder)]
    plain = float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)

    source = streams.get(space.config.stream_name).load(space.config.stream, False)
    tokenizer = fit_tokenizer(source, space.config.stream, folder / "tokenizer")
    identity = Identity.new("", "")
    run = RunContext(folder / "run", identity, space.config, source, None, (0,), lambda line: None)
    recorder = RunRecorder.open(
        run, space.trial_config, space.objective, given.trials, check_values=space.check_values
    )
    with Session(
        SessionRequest(
            folder,
            identity,
            space.config,
            source,
            tokenizer,
            lanes=1,
            jobs=given.trials,
            seeds=[0],
            largest_memory=0,
        ),
        print,
    ) as session:
        base = space.config.with_values({"method.epochs": 1}).to_dict()
        session.run([Job("warm", "train", base, {}, folder / "warm")])
        began = time.perf_counter()
        search(run, space, session, recorder, given.trials)
        wall = time.perf_counter() - began
    recorder.finish("finished", {}, {})

    print(f"\nbare loop        {plain:8.2f} s a trial")
    print(f"sweep            {wall / given.trials:8.2f} s a trial ({given.trials} trials, lanes warm)")
    print(f"ratio            {wall / given.trials / plain:8.3f}")
    print(f"overhead         {wall / given.trials - plain:8.2f} s a trial, of which")
    reports = [report for trial in recorder.store.trials.values() for report in trial.reports]
    for stage in ("wait", "evaluate", "checkpoint"):
        print(f"  {stage:<14} {sum(r.get(f'seconds/{stage}', 0) for r in reports) / given.trials:8.2f} s")
    stages = ("train", "evaluate", "checkpoint")
    inside = sum(report.get(f"seconds/{stage}", 0) for report in reports for stage in stages)
    print(f"  {'Tune, dispatch':<14} {(wall - inside) / given.trials:8.2f} s (start, reports, record)")


if __name__ == "__main__":
    main()
