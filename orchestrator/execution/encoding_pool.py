"""Encoding on all free resources of the cluster."""

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
from ..features.encoder import Chunk, SampleEncoder
from ..object_store.shared_pickle import SharedPickle, pack
from ..object_store.shared_store import SharedStore
from ..run_options import RunOptions
from .encoding_plan import PoolPlan, plan_pool
from .encoding_reservation import reserved

_UP = 600  # seconds that processes may take to come up once their room is reserved
_GONE = 10.0  # seconds that Ray may take to report the pool's resources as free
_TRIES = 3  # times that a process of the pool may die in succession before the run ends


class RayPool:
    """A :data:`~orchestrator.features.builder.Runner`: Ray Data's ``map_batches`` over a pool of actors.

    The actors run on the free GPUs where the trials of ``run`` hold GPUs, else on the free CPU cores
    (:func:`~.encoding_plan.plan_pool`). They read the pictures themselves. The chunk of a process that dies
    is encoded again. Ray must be initialised. Where others hold its CPUs or GPUs, or machines have to be
    added first, the pool waits and says so. When the iteration ends, the pool is gone.

    Args:
        run: The options of the run.
        folder: The folder for large parts of the pictures' readers while the pool works.
        say: Prints progress.
    """

    def __init__(self, run: RunOptions, folder: Path, say: Callable[[str], None]) -> None:
        self._run = run
        self._folder = folder
        self._say = say

    def __call__(
        self, encoder: SampleEncoder, chunks: list[Chunk]
    ) -> Generator[tuple[int, bytes], None, None]:
        import ray

        before = ray.available_resources()
        store = SharedStore.start(self._folder, uuid.uuid4().hex)
        try:
            yield from self._until_done(pack(encoder, store, "encoder"), chunks)
        finally:
            store.close(delete=True)
        _wait_until_free(before)

    def _plan(self, chunks: list[Chunk]) -> PoolPlan:
        # These are imported here because they import Ray Train, which the pool's processes do not need.
        from .cluster_resources import cluster_resources
        from .placement import worker_gpus

        cluster = cluster_resources()
        pictures = sum(chunk.pictures for chunk in chunks)
        return plan_pool(cluster, worker_gpus(self._run, cluster.nodes), len(chunks), pictures)

    def _until_done(
        self, encoder: SharedPickle, chunks: list[Chunk]
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
                with reserved(self._plan([chunks[n] for n in left]), self._say) as (plan, group):
                    self._say(plan.explain())
                    for number, data in _results(encoder, chunks, sorted(left), plan, group):
                        left.remove(number)
                        failures = 0
                        yield number, data
            except GetTimeoutError as error:
                raise UserError(
                    f"{plan.processes} encoding process(es) did not come up within {_UP} s on places that "
                    "Ray had reserved for them: give --no-feature-cache"
                ) from error
            except (NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError) as error:
                failures += 1
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                if failures == _TRIES:
                    raise UserError(f"encoding processes keep dying: {reason}") from error
                self._say(f"an encoding process died, starting the pool anew: {reason}")
            # Frames that the error refers to keep the finished pool alive, and the pool holds resources that
            # the next pool waits for.
            gc.collect()


def _results(
    encoder: SharedPickle, chunks: list[Chunk], numbers: list[int], plan: PoolPlan, group: Any
) -> Generator[tuple[int, bytes], None, None]:
    import ray.data
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    # Whatever goes wrong is raised here too, and then reported in one line.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # All processes are up before one works: Ray never frees what a process holds whose pool ends while it
    # starts.
    context.wait_for_min_actors_s = _UP
    data = ray.data.from_items(
        # A block is returned as a whole. Each has one chunk, so that a chunk is kept as soon as it is
        # encoded.
        [{"number": number} for number in numbers],
        override_num_blocks=len(numbers),
    )
    options: dict[str, Any] = {}
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(data.map_batches).parameters.values()):
        # Ray's core complains of every actor that Ray Data may restart. Here another pool continues instead.
        options = {"max_restarts": 0, "max_task_retries": 0}
    with warnings.catch_warnings(action="ignore"):  # such options are to be removed in Ray 2.64
        data = data.map_batches(
            _Worker,
            batch_size=1,
            fn_constructor_args=(encoder, chunks, plan),
            compute=ray.data.ActorPoolStrategy(size=plan.processes),
            num_cpus=plan.cpus,
            num_gpus=plan.gpus,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group),
            **options,
        )
    for row in data.iter_rows():
        if row["error"]:
            raise UserError(row["error"])
        yield int(row["number"]), row["data"]


class _Worker:
    """An actor of the pool. An error that a user can mend comes back as a value, because Ray would wrap an
    exception.
    """

    def __init__(self, encoder: SharedPickle, chunks: list[Chunk], plan: PoolPlan) -> None:
        import ray
        import torch

        from .worker_device import worker_device

        torch.set_num_threads(1)
        self._encoder: SampleEncoder = encoder.open()
        self._chunks = chunks
        self._threads = plan.cpus
        self._device, self._error = "cpu", ""
        try:
            self._device = str(worker_device("cuda" if plan.gpus else "cpu", ray.get_gpu_ids()))
        except UserError as error:
            self._error = str(error)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, Any]:
        (number,) = batch["number"].tolist()
        data, error = b"", self._error
        try:
            data = data if error else self._encoder.encode(self._chunks[number], self._device, self._threads)
        except UserError as found:
            error = str(found)
        return {"number": np.array([number]), "data": np.array([data], object), "error": np.array([error])}


def _wait_until_free(before: Mapping[str, float]) -> None:
    """Waits until the pool's CPUs and GPUs are free for the lanes: actors end a moment after the last process
    that knows them.
    """
    import ray

    deadline = time.monotonic() + _GONE
    while time.monotonic() < deadline:
        now = ray.available_resources()
        if all(now.get(kind, 0) >= before.get(kind, 0) for kind in ("CPU", "GPU")):
            return
        time.sleep(0.1)
