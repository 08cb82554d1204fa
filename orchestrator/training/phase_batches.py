"""The batches of one phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from methods.method import Phase

from ..config import RunConfig
from ..data.interleaved import Interleaved
from ..data.loader import Loader, last_rows
from ..data.row_reader import RowReader
from ..features.frozen import views_of
from ..replay.memory import ReplayMemory
from ..seeding import derive
from ..streams.stream import Stream
from .balanced_weights import balanced_weights


@dataclass(frozen=True)
class PhaseBatches:
    """The data of a phase.

    Attributes:
        rows: int64 (n,), the stream's training rows of the phase, without those that are replayed in pairs.
        again: int64 (m,), the rows that are replayed in steps of their own; empty unless the phase pairs.
        batches: This rank's micro-batches.
        steps: How many optimiser steps they make.
        accumulate: How many micro-batches make one step.
    """

    rows: np.ndarray
    again: np.ndarray
    batches: Loader | Interleaved
    steps: int
    accumulate: int


def phase_batches(
    config: RunConfig,
    stream: Stream,
    reader: RowReader,
    index: int,
    number: int,
    phase: Phase,
    memory: ReplayMemory,
    *,
    rank: int,
    ranks: int,
    pin: bool,
) -> PhaseBatches | None:
    """Chooses the rows of a phase and loads them.

    Args:
        config: The trial's configuration.
        stream: The stream that is walked over.
        reader: Reads its training rows.
        index: The task's number, from 0.
        number: The phase's number in the task, from 0.
        phase: The phase.
        memory: The replay memory.
        rank: This process' rank.
        ranks: The number of ranks.
        pin: Whether batches are put into pinned memory.

    Returns:
        The batches; None where the phase has no rows: a memory of size 0, or a group that the task does not
        have.
    """
    run = config.run
    rows, again = _rows(stream, reader, index, phase, memory.rows, ranks)
    if not len(rows):
        return None
    largest = max(len(rows), len(again))
    accumulate = _micro_batches(largest, phase.batch_size, run.accumulate, ranks)
    batch_size = phase.batch_size * accumulate // run.accumulate
    steps = phase.epochs * max(1, len(rows) // phase.batch_size)
    if phase.keep_last and last_rows(len(rows), batch_size, accumulate, ranks):
        steps += phase.epochs
    weight = balanced_weights(stream, reader, rows) if phase.replay == "weighted" else None
    load = partial(
        Loader,
        reader,
        batch_size=batch_size,
        accumulate=accumulate,
        keep_last=phase.keep_last,
        steps=steps,
        rank=rank,
        ranks=ranks,
        augment=stream.augment,
        views=views_of(config),
        pin=pin,
        threads=run.loader_threads,
    )
    own = memory.kept if _with_memory(phase) else None
    batches = load(rows, seed=derive(run.seed, index, number), weight=weight, kept=own)
    if len(again):
        replayed = load(again, seed=derive(run.seed, index, number, 1), kept=memory.kept)
        pairs = Interleaved(batches, replayed, accumulate)
        return PhaseBatches(rows, again, pairs, 2 * steps, accumulate)
    return PhaseBatches(rows, again, batches, steps, accumulate)


def _rows(
    stream: Stream, reader: RowReader, index: int, phase: Phase, kept: np.ndarray, ranks: int
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a phase, and those that are replayed in steps of their own."""
    every = range(len(stream.tasks))
    tasks = {"task": [index], "seen": every[: index + 1], "all": every, "memory": []}[phase.data]
    parts = [stream.train_rows(k) for k in tasks]
    if _with_memory(phase):
        # A row never comes twice: kept rows of a task that is walked whole are there already.
        parts.append(kept[~np.isin(stream.task_of(kept), tasks)])
    rows = _of_group(np.concatenate(parts), phase.group, stream, reader)
    again = _of_group(kept if phase.replay == "paired" else kept[:0], phase.group, stream, reader)
    # Each worker has a part of every step on a memory or on a group, even where these have few rows.
    if 0 < len(again) < ranks:
        again = np.resize(again, ranks)
    if phase.group is not None and 0 < len(rows) < ranks:
        rows = np.resize(rows, ranks)
    return rows, again


def _with_memory(phase: Phase) -> bool:
    """Whether the memory's rows are among the phase's own."""
    return phase.replay in ("merge", "weighted") or phase.data == "memory"


def _of_group(rows: np.ndarray, group: int | None, stream: Stream, reader: RowReader) -> np.ndarray:
    return rows if group is None else rows[stream.group_of(reader.labels(rows)) == group]


def _micro_batches(rows: int, batch_size: int, accumulate: int, ranks: int) -> int:
    """How many micro-batches make a step over ``rows`` rows; ``accumulate`` where the rows fill a batch.

    Otherwise it is the smallest number whose micro-batches hold all rows. It is one less where one
    micro-batch fewer, all of them equal and shared among ``ranks`` workers, holds more rows: losses between
    samples see one micro-batch at a time.
    """
    most = max(1, min(accumulate, rows // ranks))
    fewest = rows * accumulate // batch_size
    counts = {min(most, max(1, count)) for count in (fewest, -(-rows * accumulate // batch_size))}

    def held(count: int) -> int:
        return min(rows // (ranks * count) * ranks, batch_size // accumulate) * count

    return max(sorted(counts), key=held)
