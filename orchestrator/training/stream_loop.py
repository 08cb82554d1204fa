"""The walk of one trial over one stream, task by task. It knows nothing of Ray: it talks to a reporter."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from methods.method import Batch, Method, Pass, Phase
from methods.registry import get as get_method

from ..config import RunConfig
from ..data.loader import eval_batches
from ..data.row_reader import RowReader
from ..errors import UserError
from ..evaluation.agreement import all_or_none
from ..evaluation.distributed import of_rank_0, own_batches, share_state
from ..evaluation.protocol import Scores, task_row, validation_metrics
from ..evaluation.scenarios import evaluate, evaluation_of, summary_metrics, task_score
from ..numerics.deterministic import deterministic
from ..numerics.finite import check_weights
from ..replay.memory import ReplayMemory
from ..seeding import seed_everything
from ..storage import checkpoint
from ..streams.stream import Split, Stream
from .exemplar_ranker import ExemplarRanker
from .gpu_use import GpuUse
from .loss_curves import Curves
from .phase import train_phase
from .phase_batches import phase_batches
from .reporter import Reporter
from .saved_tasks import SavedTasks
from .step_flops import StepFlops
from .verdict import go_on


class StreamLoop:
    """Walks over a stream: each task is trained, evaluated on all tasks so far, checkpointed and reported.

    A task is finished when its checkpoint is whole in ``checkpoints/``. Where the folder has checkpoints, the
    walk first makes the reports of the last finished checkpoint again and then goes on from there. In a
    process group every rank calls :meth:`run`; rank 0 decides from where to continue, writes and reports.

    Args:
        config: The trial's configuration.
        stream: The stream that is walked over.
        folder: The trial's own folder, on storage that all ranks share.
        reporter: Takes every finished task.
        device: Where the method is trained.
        stamp: The stamp that the checkpoints must carry
            (:meth:`~orchestrator.storage.identity.Identity.stamp`); None: any stamp.
        tokenizer: The files that are kept with each checkpoint, and that checkpoints must have from which the
            walk continues. None: no files are kept, and any are accepted.
        keeper: Keeps each checkpoint elsewhere too, before the task is reported.
    """

    def __init__(
        self,
        config: RunConfig,
        stream: Stream,
        folder: Path,
        reporter: Reporter,
        *,
        device: torch.device,
        stamp: Mapping[str, str] | None = None,
        tokenizer: Mapping[str, bytes] | None = None,
        keeper: checkpoint.Keeper | None = None,
    ) -> None:
        self.config = config
        self.stream = stream
        self.folder = folder
        self.reporter = reporter
        self.device = device
        self.rank, self.ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self._saved = SavedTasks(folder, self.rank, device, stamp, tokenizer, keeper)
        self.reader = RowReader(stream)
        self.curves = Curves()
        self.how = evaluation_of(config, stream, device)
        self._gpu_use = GpuUse(config.run, device)
        self._flops = StepFlops()
        self._trained: set[nn.Parameter] = set()  # by the optimisers of the task

    def run(self) -> str:
        """Walks until all tasks are done or the reporter says stop.

        Returns:
            ``finished`` when all tasks are done, ``stopped`` when the reporter said stop before.

        Raises:
            Diverged: A number of the training is not finite
                (:class:`~orchestrator.numerics.diverged.Diverged`).
            Exception: Whatever reading data or writing checkpoints raises.
        """
        tasks = len(self.stream.tasks)
        self.folder.mkdir(parents=True, exist_ok=True)
        method, memory = self._fresh()
        done, saved = self._saved.newest(tasks)
        reports: list[dict[str, float]] = []
        if saved is not None:
            self._saved.restore(saved, method, memory)
            for report in saved.reports:
                reports.append(report)
                if not self._go_on(report) and len(reports) < tasks:
                    return "stopped"
        for index in range(done, tasks):
            if self.config.run.fresh and index:
                del method  # so that no two models lie in the device's memory
                self._trained.clear()
                method, _ = self._fresh()
            report, method, memory = self._task(index, method, memory, reports)
            reports.append(report)
            save = partial(self._saved.save, index, method, memory, reports, self.curves.rows)
            all_or_none(save, self.device)
            if not self._go_on(report) and index + 1 < tasks:
                return "stopped"
        return "finished"

    def _fresh(self, config: RunConfig | None = None) -> tuple[Method, ReplayMemory]:
        """A new method and an empty memory, which do not depend on what ran in this process before."""
        config = config or self.config
        seed_everything(config.run.seed)
        method = get_method(config.method_name)(config.method, self.stream.spec).to(self.device)
        return method, ReplayMemory(config.replay, seed=config.run.seed)

    def _train(self, index: int, method: Method, memory: ReplayMemory) -> float:
        """Trains a task's phases and fills the memory. Returns the seconds spent waiting for data."""
        data = self.stream.tasks[index]
        method.start_task(data.task)
        method.to(self.device)
        share_state(method)  # the parameters were just drawn, and each rank has a seed of its own
        waited, taken_in = 0.0, False
        for number, phase in enumerate(method.phases(data.task)):
            if phase.data == "memory" and not taken_in:
                self._remember(index, method, memory)
                taken_in = True
            if isinstance(phase, Pass):
                self._pass(index, phase, method, memory)
                continue
            waited += self._phase(index, number, phase, method, memory)
            # A loss shows the weights before its step. Only this check sees the weights after the last step.
            check_weights(method, f"phase {phase.name}, task {index + 1}")
        method.finish_task(data.task, lambda: self._walk(data.splits["train"]))
        share_state(method)  # for instance prototypes, which each rank computed from the whole task
        check_weights(method, f"task {index + 1}")
        if not taken_in:
            self._remember(index, method, memory)
        return waited

    def _task(
        self, index: int, method: Method, memory: ReplayMemory, reports: list[dict[str, float]]
    ) -> tuple[dict[str, float], Method, ReplayMemory]:
        """Trains and evaluates one task. Returns its report, and the method and memory as it left them."""
        took = self._train_task(index, method, memory)
        began, validation = time.perf_counter(), self._validation(index, method, reports)
        took["seconds/evaluate"] = time.perf_counter() - began
        return self._report(index, memory, validation, took), method, memory

    def _train_task(self, index: int, method: Method, memory: ReplayMemory) -> dict[str, float]:
        """Trains a task from its own seed. Returns the seconds and FLOPs that this took, by name."""
        # From here on a task's numbers depend on (seed, task, rank) and the last checkpoint alone.
        seed_everything(self.config.run.seed, index + 1, self.rank)
        self._gpu_use.begin()
        self._flops.begin()
        self._trained.clear()
        began = time.perf_counter()
        with deterministic(self.config.run.deterministic):
            waited = self._train(index, method, memory)
        seconds = {"seconds/train": time.perf_counter() - began, "seconds/wait": waited}
        return {**seconds, **self._flops.report(self.device)}

    def _report(
        self, index: int, memory: ReplayMemory, validation: dict[str, float], took: dict[str, float]
    ) -> dict[str, float]:
        """The report of a task that was trained last."""
        return {
            "task": index + 1,
            **validation,
            **{f"train/{name}": value for name, value in self.curves.means(index).items()},
            "replay/items": len(memory.rows),
            "replay/bytes": memory.nbytes(self.reader.bytes_per_row),
            "parameters/trained": sum(p.numel() for p in self._trained),
            **self._gpu_use.report(),
            **took,
        }

    def _validation(self, index: int, method: Method, reports: list[dict]) -> dict[str, float]:
        """The metrics on the validation splits of the tasks so far; empty where nothing is held out."""
        if not self.stream.holds_out:
            return {}
        seen = index + 1
        scores = evaluate(method, self.stream, "validation", tasks=seen, seen=seen, how=self.how)
        metrics = {**scores.metrics, **self._summary(reports, scores)}
        return {f"validation/{name}": value for name, value in metrics.items()}

    def _phase(self, index: int, number: int, phase: Phase, method: Method, memory: ReplayMemory) -> float:
        """Trains one phase; returns the seconds spent waiting for data after the first batch.

        Raises:
            UserError: The phase has patience, and the stream holds nothing out.
        """
        if phase.patience and not self.stream.holds_out:
            raise UserError(
                f"phase {phase.name} has patience {phase.patience}, which needs validation data, and the "
                "stream holds none out"
            )
        of = self.config, self.stream, self.reader, index, number, phase, memory
        pin = self.device.type == "cuda"
        data = phase_batches(*of, rank=self.rank, ranks=self.ranks, pin=pin)
        if data is None:
            return 0.0
        self.curves.start(index, phase.name)
        with data.batches:
            trained = train_phase(
                method,
                phase,
                data.batches,
                data.steps,
                device=self.device,
                precision=self.config.run.precision,
                accumulate=data.accumulate,
                curves=self.curves,
                encode=self.how.encode,
                validate=lambda: self._agreed(
                    self._validate(method, np.concatenate([data.rows, data.again]))
                ),
                counted=self._flops.of_phase(method),
            )
        self._trained.update(trained)
        return data.batches.waited

    def _pass(self, index: int, step: Pass, method: Method, memory: ReplayMemory) -> None:
        """Shows the method each sample of a pass once, on one rank."""
        rows = self.stream.train_rows(index) if step.data == "task" else memory.rows
        how = self.how if step.batch_size is None else replace(self.how, batch_size=step.batch_size)
        for batch in own_batches(method, self.reader.split(rows), how):
            method.observe(batch, step)

    def _validate(self, method: Method, rows: np.ndarray) -> float:
        """The mean score on the validation splits of the tasks that ``rows`` come from.

        Where past samples are among the rows, the newest task's score alone would prefer a model that has
        just forgotten the other tasks.
        """
        tasks = np.unique(self.stream.task_of(rows)).tolist()
        seen = self.stream.tasks[tasks[-1]].task.classes
        return float(np.mean([task_score(method, self.stream, k, seen.stop, self.how) for k in tasks]))

    def _agreed(self, score: float) -> float:
        """Rank 0's score. Whether it is better than the best so far decides how many steps follow."""
        return float(of_rank_0(np.array([score]), self.device)[0])

    def _remember(self, index: int, method: Method, memory: ReplayMemory) -> None:
        """Adds a task to the replay memory, with the model as it is now."""
        data = self.stream.tasks[index]
        labels = np.asarray(data.splits["train"].label)
        if self.config.replay.balance_by == "group":
            labels = self.stream.group_of(labels)
        ranker = ExemplarRanker(method, self.stream, self.reader, data.task.classes.stop, self.how)
        memory.update(index, self.stream.train_rows(index), labels, ranker)
        # Scores that nearly tie may rank otherwise on another processor, so rank 0's memory counts.
        self._share(memory)
        if method.keeps:
            memory.keep(ranker.kept)
            self._share(memory)

    def _share(self, memory: ReplayMemory) -> None:
        """Gives every rank the memory of rank 0."""
        memory.load({name: of_rank_0(array, self.device) for name, array in memory.state().items()})

    def _walk(self, split: Split) -> Iterable[Batch]:
        pin = self.device.type == "cuda"
        for batch in eval_batches(split, batch_size=self.config.run.eval_batch_size, pin=pin):
            yield self.how.encode(batch.to(self.device, non_blocking=True))

    def _summary(self, reports: list[dict], scores: Scores) -> dict[str, float]:
        """The summary metrics, such as average and forgetting, from the tasks reported so far and this task's
        ``scores``.
        """
        size = len(scores.by_task)
        matrix = np.full((size, size), np.nan)
        for t, report in enumerate(reports):
            matrix[t, : t + 1] = task_row(report, t + 1, self.stream.scenario)
        matrix[-1] = scores.by_task
        steps = [*map(validation_metrics, reports), scores.metrics]
        return summary_metrics(self.stream, "validation", matrix, steps)

    def _go_on(self, report: dict[str, float]) -> bool:
        return go_on(self.reporter, report, self.rank, self.ranks, self.device)
