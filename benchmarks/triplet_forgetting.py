"""What TRIPLET's forgetting is made of.

    python benchmarks/triplet_forgetting.py [--seeds 0 1 2] [--setting con-ls] [--set method.epochs=10 ...]

Walks ``triplet`` over ``shapes-vqa`` from the starting values of its search space, in one process and with
one thread. A past task's own prompts, keys and classifier are frozen, so that its questions can be answered
worse for three reasons only. A modality's key may find another task, and with it other prompts. The key that
chooses the classifier may find another task. The general prompts may have moved on. The output is the test
accuracy over all tasks after the last one, with more and more of that undone: tasks found by keys; the true
task told for the image's prompts; for the text's too; for the fusion's and the classifier too; and with the
general prompts as each task left them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from walked import Walked, started, walk

from methods.vqa.triplet.method import Triplet
from methods.vqa.triplet.modality import MODALITIES
from orchestrator.config import parse_set
from orchestrator.data.loader import eval_batches
from orchestrator.streams import registry as streams

_STEPS = ("keys", "image told", "text told", "all told", "prompts kept")


@torch.no_grad()
def _accuracy(walked: Walked, task: int, told: int) -> float:
    """The accuracy on one task's test questions, percent, where the first ``told`` modalities are told the
    task.
    """
    method: Triplet = walked.method
    right = []
    split = walked.stream.tasks[task].splits["test"]
    for batch in eval_batches(split, batch_size=256, rank=0, ranks=1):
        chosen = method.keys.select(method._own_queries(batch))
        chosen[:, :told] = task
        tasks = dict(zip(MODALITIES, chosen.unbind(1), strict=True))
        fused = method.fused(batch, method.prompts.chosen(chosen))
        found, _ = method.head.best(fused, method._task(tasks))
        right.append((found[:, None] == batch.answer).any(1).float())
    return 100 * torch.cat(right).mean().item()


def _row(walked: Walked) -> list[float]:
    tasks = range(len(walked.stream.tasks))
    walked.method.eval()
    row = [float(np.mean([_accuracy(walked, t, told) for t in tasks])) for told in range(4)]
    general, kept = walked.method.prompts.general, []
    for t in tasks:
        with torch.no_grad():
            general.copy_(walked.after(t)["prompts.general"])
        kept.append(_accuracy(walked, t, 3))
    return [*row, float(np.mean(kept))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--setting", default="con-ls")
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    print("seed ", *(f"{name:>13}" for name in _STEPS))
    rows = []
    for seed in options.seeds:
        given = {"run.seed": seed, "stream.setting": options.setting, **parse_set(options.set or [])}
        config = started("triplet", given)
        source = streams.get("shapes-vqa").load(config.stream, skip_bad=False)
        with tempfile.TemporaryDirectory() as folder:
            rows.append(_row(walk(config, source, Path(folder))))
        print(f"{seed:<5}", *(f"{value:13.1f}" for value in rows[-1]), flush=True)
    if len(rows) > 1:
        print("mean ", *(f"{value:13.1f}" for value in np.mean(rows, 0)))
        print("std  ", *(f"{value:13.1f}" for value in np.std(rows, 0, ddof=1)))


if __name__ == "__main__":
    main()
