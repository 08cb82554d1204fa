"""What sixteen readers of one replay memory hold and how fast they draw from it.

    python benchmarks/replay_readers.py [--pictures 1000] [--readers 16]

Bytes: proportional set sizes (PSS, /proc/PID/smaps_rollup) of all processes involved (readers, raylet, hub,
this one) after one reader has touched every picture, and after all have, both over their sum before it was
shared. Rate: batches of 64 pictures, tokens and labels by :class:`RowReader`, against NumPy indexing of a
private copy of the same arrays in the same process: one reader alone, then all at once. The memory's
arithmetic is the same at any size. More pictures can be taken where there is room for ``--readers`` private
copies.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import ray

from methods.method import InputSpec, Task
from orchestrator.data.row_reader import RowReader
from orchestrator.execution.ray_token import RayToken
from orchestrator.object_store.memory_plan import memory_plan
from orchestrator.object_store.publish import publish
from orchestrator.object_store.shared_store import SharedStore, store_bytes
from orchestrator.object_store.stream_handle import StreamHandle
from orchestrator.replay.config import ReplayConfig
from orchestrator.replay.memory import ReplayMemory
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData

_SIZE, _LENGTH, _BATCH, _ROUNDS, _TURNS = 224, 30, 64, 40, 5


@ray.remote(num_cpus=0)
class _Reader:
    """A trial's process: it opens the stream and draws from a memory of half its rows."""

    def pid(self) -> int:
        return os.getpid()

    def open(self, handle: StreamHandle, seed: int) -> None:
        """Touches every picture."""
        stream = handle.open()
        self._reader = RowReader(stream)
        self._rows = stream.train_rows(0)
        for begin in range(0, len(self._rows), _BATCH):
            self._reader.read(self._rows[begin : begin + _BATCH])
        memory = ReplayMemory(ReplayConfig(len(self._rows) // 2), seed=seed)
        memory.update(0, self._rows, stream.tasks[0].splits["train"].label, None)
        self._drawn = np.random.default_rng(seed).choice(memory.rows, (_ROUNDS, _BATCH))

    def copy(self) -> None:
        """Makes the private copy."""
        self._private = [np.array(column) for column in self._reader.read(self._rows)[:3]]

    def draw(self, shared: bool) -> float:
        """Seconds for some batches."""
        began = time.perf_counter()
        for rows in self._drawn:
            if shared:
                self._reader.read(rows)
            else:
                _ = [column[rows] for column in self._private]
        return time.perf_counter() - began


def _held(pids: list[int]) -> int:
    """Sum of the processes' PSS, in bytes."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def _raylet() -> int:
    """The process that keeps the object store: this driver's ray.init started it."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet")


def _stream(count: int) -> Stream:
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        pictures = ArrayPictures(rng.integers(0, 256, (n, _SIZE, _SIZE, 3), np.uint8))
        tokens = rng.integers(0, 100, (n, _LENGTH), dtype=np.int32)
        return Split(pictures, tokens, rng.integers(0, 10, n, dtype=np.int32))

    spec = InputSpec(_SIZE, _LENGTH, 100, 0, 1, 2, 3)
    task = TaskData(Task(0, "noise", "retrieval", 1), {"train": split(count)})
    return Stream("noise", spec, [task], "none")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--readers", type=int, default=16)
    return parser


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    size = options.pictures * _SIZE * _SIZE * 3
    RayToken(print)
    ray.init("local", object_store_memory=2 * size + 2**27, include_dashboard=False, log_to_driver=False)
    stream, small = _stream(options.pictures), _stream(2 * _BATCH)
    readers = [_Reader.remote() for _ in range(options.readers)]
    pids = ray.get([reader.pid.remote() for reader in readers])
    with tempfile.TemporaryDirectory() as folder:
        # Modules, allocator and batch buffers are a process's own, whatever it reads. They are loaded before
        # the count.
        first = SharedStore.start(Path(folder, "first"), "first")
        handle = publish(small, first, memory_plan(small, largest=0, store_bytes=store_bytes(), seeds=[0]))
        ray.get([reader.open.remote(handle, seed) for seed, reader in enumerate(readers)])
        store = SharedStore.start(Path(folder, "second"), "second")
        store.put("warm", np.zeros(1))
        hub = ray.get(store._actor().__ray_call__.remote(lambda self: os.getpid()))
        everyone = [*pids, hub, _raylet(), os.getpid()]
        before = _held(everyone)
        handle = publish(stream, store, memory_plan(stream, largest=0, store_bytes=store_bytes(), seeds=[0]))
        ray.get(readers[0].open.remote(handle, 0))
        one = _held(everyone) - before
        ray.get([reader.open.remote(handle, seed) for seed, reader in enumerate(readers)])
        everybody = _held(everyone) - before
        print(f"memory of {options.pictures} pictures, {size / 1e6:.0f} MB")
        print(f"held with 1 reader {one / 1e6:.1f} MB, with {options.readers} {everybody / 1e6:.1f} MB")
        print(f"ratio of bytes {everybody / one:.3f} (at most 1.05)")
        ray.get([reader.copy.remote() for reader in readers])
        alone = [[ray.get(reader.draw.remote(shared)) for shared in (True, False)] for reader in readers]
        _show("one at a time", alone)
        together = [[max(_all(readers, shared)) for shared in (True, False)] for _ in range(_TURNS)]
        _show("all at once", together)
        store.close(delete=False)
    ray.shutdown()


def _all(readers: list, shared: bool) -> list[float]:
    return ray.get([reader.draw.remote(shared) for reader in readers])


def _show(what: str, seconds: list[list[float]]) -> None:
    """``seconds``: pairs (shared, private) that were measured one after the other."""
    shared, private = _ROUNDS / np.median(seconds, axis=0)
    ratio = np.median([private / shared for shared, private in seconds])
    print(f"{what}: {shared:.0f} batches/s shared, {private:.0f} private, ratio {ratio:.2f} (0.8 or more)")


if __name__ == "__main__":
    main()
