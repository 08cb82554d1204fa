"""The main loop of a lane's workers: one job after another, until there are no more."""

from __future__ import annotations

import gc
import os
import socket
import tempfile
import time
import traceback
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from methods.common.importing import importing

from ..errors import UserError
from ..numerics.diverged import Diverged
from ..storage.full_disk import full_disk, is_full
from ..storage.trial_files import error_file
from .calls import ask
from .gpu_memory import neighbour_took
from .job import Job, Outcome
from .out_of_memory import out_of_memory


def work(config: dict[str, Any]) -> None:
    """Runs on each worker of a lane until the dispatcher closes."""
    with importing():
        import torch
        import torch.distributed as dist

        from ..evaluation.agreement import from_each, from_first
        from .worker_device import agreed_device

    torch.set_num_threads(config["threads"])
    rank = dist.get_rank()
    dispatcher, lane = config["dispatcher"], config["lane"]
    try:
        device = agreed_device(config["device"], ray.get_gpu_ids())
    except UserError as error:  # every rank raises it alike; Train would begin again forever
        if rank == 0:
            ask(dispatcher, "refuse", lane, str(error))
        return

    def all_ask(method: str, *args: Any) -> Any:
        """Asks the dispatcher on rank 0 and returns the answer, of JSON's kinds, on every rank. No pickled
        objects travel between ranks, because only Ray asks for a token before it hands an object over. Rank 0
        gets an answer within the dispatcher's patience, so that no collective times out.
        """
        return from_first(ask(dispatcher, method, *args) if rank == 0 else None, device)

    nodes = from_each(ray.get_runtime_context().get_node_id(), device)
    # The group's own name for itself, by which messages of a replaced group are recognised.
    attempt = from_first(uuid.uuid4().hex, device)

    def joined() -> bool:
        """Whether the lane is wanted. Returns once the stream is published."""
        state = all_ask("join", lane, attempt, time.time() - config["started"], nodes)
        while state == "wait":
            state = all_ask("stream", lane)
        return state != "end"

    if not joined():
        return
    shared = _Shared(dispatcher)
    shared.stream()
    _load_once()
    link = _Link(dispatcher, lane, attempt, config["gpus"])
    while True:
        state, job_id = all_ask("next", lane, attempt)
        if state == "end" or (state == "join" and not joined()):
            return
        if state == "join":
            continue
        if state == "wait":
            continue
        job = ask(dispatcher, "job", job_id)
        outcome = _run(job, shared.stream(), device, link, config["tokenizer"])
        if rank == 0:
            ask(dispatcher, "end", lane, attempt, job.id, outcome, uuid.uuid4().hex)
        gc.collect()
        if device.type == "cuda":
            _check_device(device)


@dataclass(frozen=True)
class _Link:
    """The dispatcher that a worker group talks to, and the group's own names. ``gpus`` is the part of a GPU
    that each worker holds.
    """

    dispatcher: Any
    lane: int
    attempt: str
    gpus: float


class _Shared:
    """The stream that is published, which is opened again where another one has taken its place."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._packed_stream: Any = None
        self._stream: Any = None

    def stream(self) -> Any:
        """The stream. No other one takes its place while a job is under way, so that all ranks of a job have
        the same.
        """
        if self._packed_stream is None or self._packed_stream.store.owner != ask(
            self._dispatcher, "stream_owner"
        ):
            if self._packed_stream is not None:
                self._stream = None
                self._packed_stream.store.forget()
            self._packed_stream = ask(self._dispatcher, "published")
            self._stream = self._packed_stream.open().open()
        return self._stream


def _check_device(device: Any) -> None:
    """Raises CUDA's error where the last job made the device useless to this process, so that every later job
    would fail. Ray Train then starts the group anew.
    """
    import torch

    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.zeros(1, device=device).item()


def _load_once() -> None:
    """Imports what every job needs while the lane still warms up, and exempts it from later garbage
    collection.
    """
    with importing():
        from ..training import per_task_loop, stream_loop  # noqa: F401

    gc.collect()
    gc.freeze()


class _DispatcherReporter:
    """Reports to the dispatcher, which hands on the trial's verdict."""

    def __init__(self, link: _Link, job: Job) -> None:
        self._link = link
        self._job = job

    def report(self, metrics: dict[str, float]) -> bool | None:
        link = self._link
        ask(link.dispatcher, "report", link.lane, link.attempt, self._job.id, metrics)
        return self.answer(int(metrics["task"]))

    def answer(self, task: int) -> bool | None:
        link = self._link
        return ask(link.dispatcher, "verdict", link.lane, link.attempt, self._job.id, task)


def _run(job: Job, stream: Any, device: Any, link: _Link, tokenizer: dict[str, bytes]) -> Outcome:
    import torch.distributed as dist

    from ..config import RunConfig
    from ..evaluation.agreement import ElsewhereError, all_or_none, first_reason
    from ..evaluation.final_evaluation import final_evaluation
    from ..features.frozen import check_encoder
    from ..streams.without_test import without_test
    from ..training.per_task_loop import PerTaskLoop
    from ..training.stream_loop import StreamLoop
    from .trial_folder import trial_folder

    # All ranks continue, or none: a rank that continued alone would wait for the others in a collective.
    if reason := first_reason(_missing(job), device):
        return Outcome("failed", reason, fatal=True)
    try:
        base = RunConfig.from_dict(job.base)
        config = base.with_values(job.values)
        check_encoder(base, config)
        with ExitStack() as stack:
            opened_folder = all_or_none(lambda: stack.enter_context(trial_folder(job)), device)
            if job.kind == "test":
                metrics = final_evaluation(config, stream, opened_folder.path, device, job.stamp, tokenizer)
                all_or_none(lambda: opened_folder.keep_test() if dist.get_rank() == 0 else None, device)
                return Outcome("finished", metrics=metrics)
            reporter = _DispatcherReporter(link, job)
            options = {"device": device, "tokenizer": tokenizer, "stamp": job.stamp, "keeper": opened_folder}
            walk = StreamLoop if config.per_task is None else PerTaskLoop
            # A walk chooses and is chosen by validation data: it is given nothing of test data.
            given = without_test(stream)
            return Outcome(walk(config, given, opened_folder.path, reporter, **options).run())
    except Diverged as error:  # every rank raises it alike
        return Outcome("failed", str(error), infeasible=True)
    except Exception as error:  # noqa: BLE001 - a trial's failure must not end its lane
        outcome = _explain(error, job, device, link.gpus)
        rank, ranks = dist.get_rank(), dist.get_world_size()
        if ranks == 1:
            return outcome
        # The other ranks may be waiting in a collective, and only a new worker group brings all of them back.
        sure = isinstance(error, UserError) and not isinstance(error, ElsewhereError)
        said = (link.lane, link.attempt, job.id, rank, ranks, _first_line(error), outcome, sure)
        ask(link.dispatcher, "raised", *said)
        raise


def _missing(job: Job) -> str | None:
    """Why this worker cannot reach the job's folder, in one line; None where it can."""
    if job.storage is not None or (run := job.folder.parents[1]).is_dir():
        return None
    reason = f"{run} of the driver's machine is not on {socket.gethostname()}"
    return f"{reason}, allowed: a folder that all machines share, or --storage URL"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _explain(error: Exception, job: Job, device: Any, gpus: float) -> Outcome:
    """Explains an error in one line for the record. The traceback of an error that the user cannot mend is
    kept with the trial's files.
    """
    from ..storage.checkpoint import ForeignCheckpoint
    from ..storage.patience import StorageDown

    if is_full(error):
        disk = job.folder if job.storage is None else Path(tempfile.gettempdir())
        return Outcome("failed", full_disk(disk), fatal=True)
    line = _first_line(error)
    if isinstance(error, StorageDown | ForeignCheckpoint):
        return Outcome("failed", line, fatal=True)
    if isinstance(error, UserError | ValueError):
        return Outcome("failed", line)
    name, kept = error_file(os.getpid()), ""
    with suppress(Exception):  # the disk or the storage may be what failed
        if job.storage is None:
            (job.folder / name).write_text(traceback.format_exc(), encoding="utf-8")
        else:
            job.storage.write(name, traceback.format_exc())
        kept = f" (traceback in {job.folder})"
    again = neighbour_took(error, device, gpus)
    infeasible = not again and out_of_memory(error)
    return Outcome("failed", f"{type(error).__name__}: {line}{kept}", again=again, infeasible=infeasible)
