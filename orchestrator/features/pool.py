"""Encoding on all that Ray has."""

from __future__ import annotations

import gc
import inspect
import logging
import time
import uuid
import warnings
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..replay.parcel import Parcel, pack
from ..replay.store import SharedStore
from ..run_options import RunOptions
from .encoder import Chunk, SampleEncoder

_PROCESS_BYTES = 3 * 2**30  # what a process with torch and an encoder may hold
_UP = 600  # seconds that the pool waits for CPUs or GPUs that others hold
_GONE = 30.0  # seconds that the pool may take to free what it held
_TRIES = 3  # times that a process of the pool may die in succession before the run ends


class RayPool:
    """A :data:`~orchestrator.features.builder.Runner`: Ray Data's ``map_batches`` over a pool of actors, one
    a GPU where the cluster has GPUs that ``run`` may use, else one a CPU core. They read the pictures
    themselves. What a process that dies was at work on is encoded again.

    ``folder``: where large parts of the pictures' readers lie while the pool is at work. Ray must be
    initialised, and nobody else may hold its CPUs for long: the pool waits for them. When the iteration ends,
    the pool is gone.
    """

    def __init__(self, run: RunOptions, folder: Path, say: Callable[[str], None]) -> None:
        self._run = run
        self._folder = folder
        self._say = say

    def __call__(
        self, encoder: SampleEncoder, chunks: list[Chunk]
    ) -> Generator[tuple[int, bytes], None, None]:
        import ray

        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        device, processes = pool_size(nodes, self._run.device, len(chunks))
        self._say(f"encoding on {processes} {'GPU' if device == 'cuda' else 'CPU core'}(s)")
        before = ray.available_resources()
        store = SharedStore.start(self._folder, uuid.uuid4().hex)
        try:
            yield from self._until_done(pack(encoder, store, "encoder"), chunks, device, processes)
        finally:
            store.close(delete=True)
        _wait_until_free(before)

    def _until_done(
        self, encoder: Parcel, chunks: list[Chunk], device: str, processes: int
    ) -> Generator[tuple[int, bytes], None, None]:
        from ray.exceptions import (
            GetTimeoutError,
            NodeDiedError,
            ObjectLostError,
            OutOfMemoryError,
            RayActorError,
        )

        left, failures = set(range(len(chunks))), 0
        while left:
            try:
                for number, data in _results(encoder, chunks, sorted(left), device, processes):
                    left.remove(number)
                    failures = 0
                    yield number, data
            except GetTimeoutError as error:
                raise UserError(
                    f"{processes} encoding process(es) did not come up within {_UP} s: others hold the "
                    "cluster's CPUs or GPUs; try again, or give --no-feature-cache"
                ) from error
            except (NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError) as error:
                failures += 1
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                if failures == _TRIES:
                    raise UserError(f"encoding processes keep dying: {reason}") from error
                self._say(f"an encoding process died, starting the pool anew: {reason}")
            # The error's frames hold the pool that has ended, and it what the next one waits for.
            gc.collect()


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
    encoder: Parcel, chunks: list[Chunk], numbers: list[int], device: str, processes: int
) -> Generator[tuple[int, bytes], None, None]:
    import ray.data

    # What goes wrong is raised here as well, where it is said in one line.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # All are up before one works: Ray never frees what a process holds whose pool ends while it is starting.
    context.wait_for_min_actors_s = _UP
    data = ray.data.from_items(
        # A block is handed back as a whole: one chunk each, so that each is kept as soon as it is encoded.
        [{"number": number} for number in numbers],
        override_num_blocks=len(numbers),
    )
    options: dict[str, Any] = {}
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(data.map_batches).parameters.values()):
        # Ray's core complains of every actor that Ray Data may restart; here another pool goes on instead.
        options = {"max_restarts": 0, "max_task_retries": 0}
    with warnings.catch_warnings(action="ignore"):  # such options are to go in Ray 2.64
        data = data.map_batches(
            _Worker,
            batch_size=1,
            fn_constructor_args=(encoder, chunks, device),
            compute=ray.data.ActorPoolStrategy(size=processes),
            num_cpus=1,
            num_gpus=1 if device == "cuda" else 0,
            **options,
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
        self._encoder: SampleEncoder = encoder.open()
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
