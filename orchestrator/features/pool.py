"""Encoding on all that Ray has."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..replay.parcel import Parcel, pack
from ..replay.store import SharedStore
from ..run_options import RunOptions
from .encoder import Chunk, Encoder

_PROCESS_BYTES = 3 * 2**30  # what a process with torch and an encoder may hold
_GONE = 30.0  # seconds that the pool may take to free what it held


class RayPool:
    """A :data:`~orchestrator.features.bank.Runner`: Ray Data's ``map_batches`` over a pool of actors, one a
    GPU where the cluster has GPUs that ``run`` may use, else one a CPU core. They read the pictures
    themselves.

    ``folder``: where large parts of the pictures' readers lie while the pool is at work. Ray must be
    initialised, and nobody else may hold its CPUs for long: the pool waits for them. When the iteration ends,
    the pool is gone.
    """

    def __init__(self, run: RunOptions, folder: Path, say: Callable[[str], None]) -> None:
        self._run = run
        self._folder = folder
        self._say = say

    def __call__(self, encoder: Encoder, chunks: list[Chunk]) -> Iterator[tuple[int, bytes]]:
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        device, processes = pool_size(nodes, self._run.device, len(chunks))
        self._say(f"encoding on {processes} {'GPU' if device == 'cuda' else 'CPU core'}(s)")
        before = ray.available_resources()
        store = SharedStore.start(self._folder)
        try:
            yield from _results(pack(encoder, store, "encoder"), chunks, device, processes)
        finally:
            store.close(delete=True)
        _wait_until_free(before)


def pool_size(nodes: list[Mapping[str, float]], device: str, chunks: int) -> tuple[str, int]:
    """Device and number of processes: a GPU each, or a CPU core each as far as memory allows; no more than
    ``chunks``. ``nodes``: the resources of each (``CPU``, ``GPU``, ``memory`` in bytes).

    :class:`UserError` where there is neither.
    """
    if device != "cpu" and (gpus := sum(int(node.get("GPU", 0)) for node in nodes)):
        return "cuda", min(gpus, chunks)
    cores = 0
    for node in nodes:
        room = int(node.get("memory", _PROCESS_BYTES) / _PROCESS_BYTES)
        cores += min(int(node.get("CPU", 0)), max(1, room))
    if not cores:
        raise UserError(
            "no node has a CPU core to encode on: start Ray with CPUs, or give --no-feature-cache"
        )
    return "cpu", min(cores, chunks)


def _results(
    encoder: Parcel, chunks: list[Chunk], device: str, processes: int
) -> Iterator[tuple[int, bytes]]:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    data = ray.data.from_items(
        # A block is handed back as a whole: one chunk each, so that each is kept as soon as it is encoded.
        [{"number": number} for number in range(len(chunks))],
        override_num_blocks=len(chunks),
    ).map_batches(
        _Worker,
        batch_size=1,
        fn_constructor_args=(encoder, chunks, device),
        compute=ray.data.ActorPoolStrategy(size=processes),
        num_cpus=1,
        num_gpus=1 if device == "cuda" else 0,
    )
    for row in data.iter_rows():
        if row["error"]:
            raise UserError(row["error"])
        yield int(row["number"]), row["data"]


class _Worker:
    """An actor of the pool. What a user can mend comes back as a value: Ray would wrap an exception."""

    def __init__(self, encoder: Parcel, chunks: list[Chunk], device: str) -> None:
        import torch

        torch.set_num_threads(1)
        self._encoder: Encoder = encoder.open()
        self._chunks = chunks
        self._device = device

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        (number,) = batch["number"].tolist()
        data, error = b"", ""
        try:
            data = self._encoder.encode(self._chunks[number], self._device)
        except UserError as found:
            error = str(found)
        return {"number": np.array([number]), "data": np.array([data], object), "error": np.array([error])}


def _wait_until_free(before: Mapping[str, float]) -> None:
    """Actors end a moment after the last who knows them: lanes must find their CPUs and GPUs."""
    import ray

    deadline = time.monotonic() + _GONE
    while time.monotonic() < deadline:
        now = ray.available_resources()
        if all(now.get(kind, 0) >= before.get(kind, 0) for kind in ("CPU", "GPU")):
            return
        time.sleep(0.1)
