"""A lane whose one worker is a thread of the test's own process, which has imported what a worker needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

_ONE_AT_ONCE, _ONE_JOB = threading.Lock(), threading.Lock()


class _Trainer:
    """In the place of :class:`~orchestrator.execution.lane_trainer.LaneTrainer`. A process has one process
    group: of several lanes, the second one begins where the first has ended.
    """

    def __init__(
        self,
        work: Callable[[dict[str, Any]], None],
        *,
        train_loop_config: dict[str, Any],
        scaling_config: Any,
        **_: Any,
    ) -> None:
        assert scaling_config.num_workers == 1, "several workers are several processes: typed(lanes=True)"
        self._work = work
        self._config = train_loop_config

    def fit(self) -> None:
        import torch
        import torch.distributed as dist

        with _ONE_AT_ONCE:
            threads = torch.get_num_threads()  # which a worker sets for itself
            dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
            try:
                self._work(self._config)
            finally:
                dist.destroy_process_group()
                torch.set_num_threads(threads)


class _Together(_Trainer):
    """Lanes that are up together, and share the process group. Each takes a job, and they train in turn."""

    _up = 0

    def fit(self) -> None:
        import torch
        import torch.distributed as dist

        threads = torch.get_num_threads()
        with _ONE_AT_ONCE:
            if not _Together._up:
                dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
            _Together._up += 1
        try:
            self._work(self._config)
        finally:
            with _ONE_AT_ONCE:
                _Together._up -= 1
                if not _Together._up:
                    dist.destroy_process_group()
                torch.set_num_threads(threads)


@contextmanager
def lanes_here(together: bool = False) -> Iterator[None]:
    """Lanes that begin within it train in this process: one after the other, or with ``together`` job by job
    in turn.
    """
    from orchestrator.execution import worker

    run = worker._run

    def in_turn(*job: Any) -> Any:
        with _ONE_JOB:
            return run(*job)

    with pytest.MonkeyPatch.context() as patch:
        if together:
            patch.setattr(worker, "_run", in_turn)
        # After each job it would look through all that tests have made.
        patch.setattr(worker, "gc", SimpleNamespace(collect=lambda: 0))
        patch.setattr("orchestrator.execution.lane_trainer.LaneTrainer", _Together if together else _Trainer)
        # There is no other machine that might not find what this process finds.
        patch.setattr("orchestrator.execution.session.check_machines", lambda config: None)
        # It has the garbage collector leave alone all that is there: here, all that tests have made.
        patch.setattr("orchestrator.execution.worker._load_once", lambda: None)
        yield


def draw_nothing(patch: pytest.MonkeyPatch) -> None:
    """Trials that end within ``patch`` have no pictures, which another process would draw for seconds."""
    from orchestrator.record.figure_worker import FigureWorker

    patch.setattr(FigureWorker, "_draw", lambda self, trial, subfolder, then, draw, *args: then())
