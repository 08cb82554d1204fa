"""Walks a trial in this process, with the method at hand afterwards. Several benchmarks share it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from methods.method import Method
from orchestrator.config import RunConfig
from orchestrator.evaluation.scenarios import evaluate, evaluation_of
from orchestrator.features.builder import encode_here
from orchestrator.features.frozen import asks_queries
from orchestrator.features.query_bank import open_query_bank
from orchestrator.search.space import Space
from orchestrator.storage import checkpoint
from orchestrator.streams.prepare import prepare
from orchestrator.streams.source import StreamSource
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer
from orchestrator.training.reporter import CollectingReporter
from orchestrator.training.stream_loop import StreamLoop

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Walked:
    """``method``: after the last task. ``folder``: has the checkpoint of every task."""

    config: RunConfig
    stream: Stream
    method: Method
    folder: Path

    def after(self, task: int) -> dict[str, torch.Tensor]:
        """The method's state after ``task``."""
        return checkpoint.load(self.folder, task).model

    def accuracy(self) -> float:
        """Mean test accuracy over all tasks, percent."""
        tasks, how = len(self.stream.tasks), evaluation_of(self.config, self.stream, _CPU)
        scores = evaluate(self.method, self.stream, "test", tasks=tasks, seen=tasks, how=how)
        return float(scores.by_task.mean())


def started(method: str, values: dict[str, Any]) -> RunConfig:
    """The starting point of a method's search space, but for ``values``."""
    space = Space.load(method)
    return space.config.with_values({**space.start_params(), **values})


def walk(config: RunConfig, source: StreamSource, folder: Path) -> Walked:
    """Walks ``source`` in this process.

    Args:
        config: The trial's configuration.
        source: The stream, opened.
        folder: Where the checkpoints are written, one for each task.

    Returns:
        The method after the last task, and the folder.
    """
    stream = prepare(source, fit_tokenizer(source, config.stream, folder / "tokenizer"))
    if asks_queries(config):
        bank = open_query_bank(config, source, stream, folder / "features", lambda _: None, encode_here)
        stream = bank.stream(stream)
    loop = StreamLoop(config, stream, folder / "trial", CollectingReporter(), device=_CPU)
    kept: list[Method] = []
    fresh = loop._fresh

    def keep():
        found = fresh()
        kept.append(found[0])
        return found

    loop._fresh = keep
    loop.run()
    return Walked(config, stream, kept[0], loop.folder)
