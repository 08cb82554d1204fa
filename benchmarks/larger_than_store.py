"""A stream several times the object store, read from disk without the step waiting for it.

    python benchmarks/larger_than_store.py [--times 4] [--step 0.25] [--keep decoded|encoded]

Writes generated scenes in P9D's layout, opens them with an object store near the smallest that Ray allows and
walks all tasks with a replay memory, through the same plan, publisher, memory and loader as a sweep. The step
is a sleep of ``--step`` seconds for a batch of 64: a GPU's step leaves the processor to the loader's threads.
The walk without a step says how short a step may be before it waits.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import ray

from orchestrator.data.loader import Loader
from orchestrator.data.row_reader import RowReader
from orchestrator.execution.ray_token import RayToken
from orchestrator.object_store.memory_plan import memory_plan
from orchestrator.object_store.publish import publish
from orchestrator.object_store.shared_store import SharedStore, store_bytes
from orchestrator.object_store.shared_stream import SharedStream
from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.streams.prepare import prepare
from orchestrator.streams.registry import get
from orchestrator.streams.retrieval.p9d_writer import write_p9d
from orchestrator.streams.stream import Stream
from orchestrator.streams.text.fit_tokenizer import fit_tokenizer

_SIZE, _TASKS, _BATCH, _MEMORY = 128, 4, 64, 128
_STORE = 80 * 2**20


def _write(folder: Path, times: float) -> Stream:
    shapes, p9d = get("shapes-retrieval"), get("p9d")
    count = int(times * _STORE / (3 * _SIZE**2) / _TASKS)
    config = shapes.Config(tasks=_TASKS, image_size=_SIZE, train=count, validation=8, test=8, query=8)
    write_p9d(shapes.load(config, skip_bad=False), folder)
    config = p9d.Config(data=str(folder), image_size=_SIZE)
    source = p9d.load(config, skip_bad=False)
    return prepare(source, fit_tokenizer(source, config, folder / "tokenizer"))


def _walk(stream: SharedStream, step: float, threads: int) -> tuple[int, float, float]:
    """Batches, seconds and seconds waited after each task's first batch, over all tasks with replay."""
    reader, memory = RowReader(stream), ReplayMemory(ReplayConfig(_MEMORY), seed=0)
    batches, waited, first = 0, 0.0, 0.0
    began = time.perf_counter()
    for index, task in enumerate(stream.tasks):
        rows = np.concatenate([stream.train_rows(index), memory.rows])
        steps = max(1, len(rows) // _BATCH)
        options = {"batch_size": _BATCH, "steps": steps, "seed": index, "augment": stream.augment}
        started = time.perf_counter()
        with Loader(reader, rows, threads=threads, depth=2 * threads, **options) as loader:
            for number, _ in enumerate(loader):
                if number == 0:
                    first += time.perf_counter() - started
                time.sleep(step)
                batches += 1
        waited += loader.waited
        memory.update(index, stream.train_rows(index), task.splits["train"].label, None)
    return batches, time.perf_counter() - began - first, waited


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=float, default=4, help="decoded stream over object store")
    parser.add_argument("--step", type=float, default=0.25, help="seconds")
    parser.add_argument("--keep", choices=["decoded", "encoded"], default="decoded")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    RayToken(print)
    ray.init("local", object_store_memory=_STORE, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        stream = _write(Path(folder, "p9d"), options.times)
        print(
            f"wrote {sum(len(s) for t in stream.tasks for s in t.splits.values())} pictures in "
            f"{time.perf_counter() - began:.0f} s"
        )
        chosen = memory_plan(
            stream, largest=_MEMORY, store_bytes=store_bytes(), seeds=[0], store=options.keep
        )
        print(chosen.explain())
        store = SharedStore.start(Path(folder, "shared"), "larger-than-store")
        opened = publish(stream, store, chosen).open()
        print(
            f"stream decoded {chosen.all_bytes / 1e6:.0f} MB, object store {_STORE / 1e6:.0f} MB, "
            f"in it {store.nbytes / 1e6:.1f} MB: {store.nbytes / chosen.all_bytes:.1%} of the stream"
        )
        batches, seconds, _ = _walk(opened, 0.0, options.threads)
        each = seconds / batches * 1e3
        print(f"without a step: {batches} batches, {each:.0f} ms each on {options.threads} threads")
        batches, seconds, waited = _walk(opened, options.step, options.threads)
        print(
            f"with a step of {options.step * 1e3:.0f} ms: waited {waited:.2f} s of {seconds:.1f} s after the "
            f"first batches, {waited / seconds:.1%}"
        )
        store.close(delete=True)
    ray.shutdown()


if __name__ == "__main__":
    main()
