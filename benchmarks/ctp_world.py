"""Does CTP do what its paper says, and in which world? Methods of retrieval at equal tuning.

    python benchmarks/ctp_world.py [--methods finetune ctp ...] [--trials 5] [--tune 100] [--pairs 1 2 ...]
        [--out FILE] [--set stream.shared=0.25 stream.shift=domains ...]

Walks methods over three tasks of ``shapes-retrieval``, in one process and with one thread. Each method has
the same number of trials: the starting point of its search space, and random draws of its learning rate,
temperature and weights. The one with the best R_m on validation after the last task is walked again over
fresh pairs of a seed and an order (number N seeds model and stream and orders the tasks), and scored on test.
The trials have the pair ``--tune``.

A row has R_m over the union of all tasks after the last. The other columns are of R_m among a task's own
candidates, means over tasks: what was kept after the last task; what was forgotten, the best before the last
task minus the last; what was learnt, R_m on each task when it was new; and the R_m of the model before a task
on that task, which says how much the old model's similarities on new data tell. Differences are paired by
seed and order, with a 95 % interval and the p of Wilcoxon's test.

``cmc`` is CTP without topology preservation. Methods with a memory keep 64 pairs by reservoir. Masked words
are left out in all methods, since R_m does not use the fusion layers. With ``--out`` each walk is a line of a
file, and what stands there is not walked again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from walked import walk

from methods.registry import get as get_method
from orchestrator.config import RunConfig, parse_set
from orchestrator.evaluation.scenarios import evaluate, evaluation_of
from orchestrator.search.space import Space
from orchestrator.statistics.paired_comparison import compare_pairs
from orchestrator.storage import checkpoint
from orchestrator.streams import registry as streams
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.source import StreamSource

_WORLD = {
    "stream.tasks": 3,
    "stream.shared": 0.02,
    "stream.query": 1,
    "stream.gallery": 6,
    "stream.max_tokens": 16,
    "method.mlm_weight": 0.0,
}
_MEMORY = {"replay.size": 64, "replay.policy": "reservoir"}
_REPLAY = {**_MEMORY, "method.consolidation_epochs": 0}
_CTP = {
    "method.mlm_distill_weight": 0.0,
    "method.momentum": 0.9,
    "method.momentum_mix": 0.5,
    "method.queue_size": 0,
    "replay.size": 0,
}
_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "finetune": ("finetune", {}),
    "ewc": ("ewc", {}),
    "lwf": ("lwf", {}),
    "cmc": ("ctp", {**_CTP, "method.topology_cross_weight": 0.0, "method.topology_same_weight": 0.0}),
    "ctp": ("ctp", _CTP),
    "er": ("er", {**_REPLAY, "method.replay": "paired"}),
    "er-merge": ("er", {**_REPLAY, "method.replay": "merge"}),
    "derpp": ("derpp", {**_REPLAY, "method.replay": "merge"}),
    "ctp-er": ("ctp", {**_CTP, **_MEMORY}),
    "joint": ("joint", {}),
}
_COMPARED = (
    *(("ctp", other) for other in ("finetune", "ewc", "lwf", "cmc")),
    *(("ctp-er", other) for other in ("er", "er-merge", "derpp")),
)
_SHOWN = ("R_m", "kept", "forgotten", "learnt", "before")


def _points(name: str, trials: int, given: dict[str, Any]) -> list[RunConfig]:
    """The configurations of a method's trials: the space's start, and random draws."""
    method, values = _METHODS[name]
    space = Space.load(method).without({**_WORLD, **values, **given})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    if space.start:
        study.enqueue_trial(space.start_params())
    return [space.trial_config(space.suggest(study.ask())) for _ in range(trials)]


def _paired(config: RunConfig, pair: int) -> RunConfig:
    return config.with_values({"run.seed": pair, "stream.seed": pair, "stream.order": pair})


def _drawn(source: StreamSource) -> StreamSource:
    """The stream with its pictures in memory: they are drawn once and not at every step."""

    def in_memory(split):
        return replace(split, pictures=ArrayPictures(split.pictures.read(np.arange(len(split.label)))))

    tasks = [replace(t, splits={n: in_memory(s) for n, s in t.splits.items()}) for t in source.tasks]
    return replace(source, tasks=tasks)


def _scores(config: RunConfig, split: str) -> dict[str, float]:
    """What is shown of one walk, on one split, percent."""
    source = _drawn(streams.get(config.stream_name).load(config.stream, skip_bad=False))
    with tempfile.TemporaryDirectory() as folder:
        walked = walk(config, source, Path(folder))
        tasks, how = len(source.tasks), evaluation_of(config, walked.stream, torch.device("cpu"))
        method = get_method(config.method_name)(config.method, walked.stream.spec)
        rows = []
        for task in range(tasks):
            checkpoint.restore(method, walked.after(task))
            scores = evaluate(method, walked.stream, split, tasks=tasks, seen=tasks, how=how)
            rows.append(scores.by_task)
    matrix, last = np.array(rows), tasks - 1
    return {
        "R_m": scores.metrics["seen/r_mean"],
        "kept": float(matrix[last].mean()),
        "forgotten": float((matrix[:last, :last].max(0) - matrix[last, :last]).mean()),
        "learnt": float(matrix.diagonal().mean()),
        "before": float(matrix.diagonal(1).mean()),
    }


class _Walks:
    """The walks that were made, in a file where one is given."""

    def __init__(self, file: str | None) -> None:
        self._file = Path(file) if file else None
        lines = self._file.read_text().splitlines() if self._file and self._file.exists() else []
        self._known = {line["walk"]: line["scores"] for line in map(json.loads, lines)}

    def scores(self, config: RunConfig, split: str) -> dict[str, float]:
        walk_name = f"{split} {json.dumps(config.to_dict(), sort_keys=True)}"
        if walk_name not in self._known:
            self._known[walk_name] = _scores(config, split)
            if self._file:
                with self._file.open("a") as file:
                    file.write(json.dumps({"walk": walk_name, "scores": self._known[walk_name]}) + "\n")
        return self._known[walk_name]


def _rows(options: argparse.Namespace) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Each method's values on test, by what is shown, over the fresh pairs."""
    walks, given = _Walks(options.out), parse_set(options.set or [])
    for name in options.methods:
        points = _points(name, options.trials, given)
        tuned = [walks.scores(_paired(point, options.tune), "validation")["R_m"] for point in points]
        best = points[int(np.argmax(tuned))]
        tested = [walks.scores(_paired(best, pair), "test") for pair in options.pairs]
        yield name, {shown: np.array([one[shown] for one in tested]) for shown in _SHOWN}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", choices=list(_METHODS), default=list(_METHODS))
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--tune", type=int, default=100, metavar="PAIR")
    parser.add_argument("--pairs", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6, 7, 8])
    parser.add_argument("--out", metavar="FILE")
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE")
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    several = len(options.pairs) > 1
    found: dict[str, dict[str, np.ndarray]] = {}
    print(f"{'method':<10}", *(f"{shown:>15}" for shown in _SHOWN))
    for name, values in _rows(options):
        found[name] = values
        spread = {shown: f" ± {v.std(ddof=1):.1f}" if several else "" for shown, v in values.items()}
        print(f"{name:<10}", *(f"{values[s].mean():.1f}{spread[s]}".rjust(15) for s in _SHOWN), flush=True)
    for mine, other in _COMPARED:
        for shown in ("R_m", "kept", "forgotten"):
            if mine in found and other in found and several:
                c = compare_pairs(found[mine][shown].tolist(), found[other][shown].tolist())
                told = f"{c.difference:+.1f} ({c.low:+.1f} to {c.high:+.1f}), p {c.p:.3f}, n {c.n}"
                print(f"{mine} - {other}, {shown}: {told}")


if __name__ == "__main__":
    main()
