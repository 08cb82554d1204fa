"""Encoding on all free resources of the cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

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
_AHEAD = 2  # chunks that each process has: one is encoded while another one's result is kept


class RayPool:
    """A :data:`~orchestrator.features.builder.Runner`: a pool of actors.

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
        # These imports bring Ray Train, which the pool's processes do not need.
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


def _results(
    encoder: SharedPickle, chunks: list[Chunk], numbers: list[int], plan: PoolPlan, group: Any
) -> Generator[tuple[int, bytes], None, None]:
    """Ends with its processes still there: they end with the reservation."""
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    process = ray.remote(EncodingProcess).options(
        num_cpus=plan.cpus,
        num_gpus=plan.gpus,
        scheduling_strategy=PlacementGroupSchedulingStrategy(group),
    )
    processes = [process.remote(encoder, plan) for _ in range(plan.processes)]
    ray.get([one.is_up.remote() for one in processes], timeout=_UP)
    left, under_way, free = iter(numbers), {}, processes * _AHEAD
    while True:
        for one, number in zip(free, left):  # noqa: B905 - whichever ends first
            under_way[one.encode.remote(chunks[number])] = number, one
        if not under_way:
            return
        (found,), _ = ray.wait(list(under_way))
        number, one = under_way.pop(found)
        data, error = ray.get(found)
        if error:
            raise UserError(error)
        yield number, data
        free = [one]


class EncodingProcess:
    """An actor of the pool. An error that a user can mend comes back as a value, because Ray would wrap an
    exception.
    """

    def __init__(self, encoder: SharedPickle, plan: PoolPlan) -> None:
        import ray
        import torch

        from .worker_device import worker_device

        torch.set_num_threads(1)
        self._encoder: SampleEncoder = encoder.open()
        self._threads = plan.cpus
        self._device, self._error = "cpu", ""
        try:
            self._device = str(worker_device("cuda" if plan.gpus else "cpu", ray.get_gpu_ids()))
        except UserError as error:
            self._error = str(error)

    def is_up(self) -> None:
        """Returns once the process is up."""

    def encode(self, chunk: Chunk) -> tuple[bytes, str]:
        """Encodes a chunk. Returns the encoder's result and an error, one of which is empty."""
        data, error = b"", self._error
        try:
            data = data if error else self._encoder.encode(chunk, self._device, self._threads)
        except UserError as found:
            error = str(found)
        return data, error


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
