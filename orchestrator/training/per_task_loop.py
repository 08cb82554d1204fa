"""The walk of a trial that chooses its values at each task."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from methods.method import Method

from ..config import RunConfig
from ..evaluation.scenarios import task_score
from ..numerics.diverged import Diverged
from ..per_task import PerTask
from ..replay.memory import ReplayMemory
from ..storage import checkpoint
from .best_try import BestTry
from .loss_curves import Curves
from .per_task_choice import TaskChoice, TaskValues, choose_values, is_finetuning
from .step_flops import FLOPS
from .stream_loop import StreamLoop
from .task_tries import TaskTries

_SECONDS = ("seconds/train", "seconds/wait", "seconds/evaluate")
_SPENT = (*_SECONDS, FLOPS)
_STRENGTH = "per_task/strength"


class PerTaskLoop(StreamLoop):
    """Walks over a stream and trains each task several times, from the checkpoint before it, with other
    values each time (:class:`~orchestrator.per_task.PerTask`). One of them is chosen by the score on the
    task's own validation split, and the walk goes on from what that training left.

    Finetuning has strengths of 0 and an empty replay memory. A task's report has what was chosen under
    ``per_task/``, and the seconds and FLOPs of all its trainings. ``tries.jsonl`` has each training.

    The arguments are those of :class:`StreamLoop`; the configuration has a ``per_task`` section.
    """

    def __init__(self, config: RunConfig, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        assert config.per_task is not None, "which the caller has seen"
        self._plan: PerTask = config.per_task
        self._before: checkpoint.Checkpoint | None = None  # what the task before left
        self.folder.mkdir(parents=True, exist_ok=True)
        self._tries = TaskTries(self.folder, self.rank, self.device, options.get("keeper"))
        self._best = BestTry(self.folder, self.rank, self.device, options.get("stamp"))

    def _task(
        self, index: int, method: Method, memory: ReplayMemory, reports: list[dict[str, float]]
    ) -> tuple[dict[str, float], Method, ReplayMemory]:
        self._before = _state(method, memory) if index else None
        method.to("cpu")  # so that no two models lie in the device's memory
        strength = reports[-1].get(_STRENGTH, 1.0) if reports else 1.0
        kept = {"past": index > 0, "memory": self.config.replay.size > 0}
        own = is_finetuning(self._plan, **kept)
        choice = choose_values(
            self._plan, strength, lambda values: self._score(index, values, own=own), **kept
        )
        if choice is None:
            raise Diverged(f"task {index + 1}: each training that could be chosen diverged")
        return self._chosen(index, choice, reports)

    def _go_on(self, report: dict[str, float]) -> bool:
        # The checkpoint after the task is whole: what its trainings left is not needed any more.
        self._best.drop(int(report["task"]) - 1)
        return super()._go_on(report)

    def _score(self, index: int, values: TaskValues, *, own: bool) -> float | None:
        """The score of a training, which is made unless it has been."""
        if (known := self._tries.find(index, values)) is None:
            score, took = self._train_once(index, values, own=own)
            own_values = {key: value for key, value in self._at(values).flat().items() if key in self._keys}
            self._tries.add(index, values, score, own_values, took)
            return score
        return known["score"]

    @property
    def _keys(self) -> tuple[str, ...]:
        return self._plan.learning_rate, *self._plan.strength

    def _at(self, values: TaskValues) -> RunConfig:
        method = self._plan.at(self.config.method, *values)
        replay = self.config.replay if values.strength else replace(self.config.replay, size=0)
        return replace(self.config, method=method, replay=replay, per_task=None)

    def _begun(self, values: TaskValues) -> tuple[Method, ReplayMemory]:
        """A method and a memory as the task before left them, with a training's values."""
        self._trained.clear()  # the model of the training before
        method, memory = self._fresh(self._at(values))
        if (before := self._before) is not None:
            checkpoint.restore(method, before.model)
            memory.load(before.memory if values.strength else _emptied(before.memory))
        return method, memory

    def _train_once(
        self, index: int, values: TaskValues, *, own: bool
    ) -> tuple[float | None, dict[str, float]]:
        """Trains a task with some values, and keeps what that left if it may be chosen.

        Returns:
            The score, None where the training diverged; and its seconds and FLOPs.
        """
        began, took, score = time.perf_counter(), {}, None
        method, memory = self._begun(values)
        self.curves = Curves()
        try:
            took = self._train_task(index, method, memory)
            evaluating = time.perf_counter()
            seen = self.stream.tasks[index].task.classes.stop
            score = self._agreed(task_score(method, self.stream, index, seen, self.how))
            took["seconds/evaluate"] = time.perf_counter() - evaluating
        except Diverged:
            took = {"seconds/train": time.perf_counter() - began, **self._flops.report(self.device)}
        took = {**dict.fromkeys(_SECONDS, 0.0), **took}
        if score is not None and values.strength and not (own and self._has_better(index, score)):
            report = self._report(index, memory, {}, took)
            self._best.keep(index, values, method, memory, report, self.curves.rows)
        return score, took

    def _has_better(self, index: int, score: float) -> bool:
        """Whether a training of the task has as good a score."""
        return any(one["score"] is not None and one["score"] >= score for one in self._tries.of(index))

    def _chosen(
        self, index: int, choice: TaskChoice, reports: list[dict[str, float]]
    ) -> tuple[dict[str, float], Method, ReplayMemory]:
        """The report of a task with what was chosen, and the method and memory that the training left."""
        if (kept := self._best.take(index, choice.values)) is None:
            # A folder that died with its machine: the same training gives the same weights.
            self._train_once(index, choice.values, own=False)
            kept = self._best.take(index, choice.values)
            if kept is None:
                raise Diverged(f"task {index + 1}: the chosen training diverged when it was made again")
        state, self.curves.rows = kept
        self._trained.clear()
        method, memory = self._fresh(self._at(choice.values))
        checkpoint.restore(method, state.model)
        memory.load(state.memory)
        method.eval()
        began = time.perf_counter()
        validation = self._validation(index, method, reports)
        tries = self._tries.of(index)
        spent = _spent(tries)
        spent["seconds/evaluate"] += time.perf_counter() - began
        chosen = {
            "per_task/learning_rate": choice.values.learning_rate,
            **({_STRENGTH: choice.values.strength} if self._plan.strength else {}),
            "per_task/finetuned": choice.finetuned,
            "per_task/reached": choice.reached,
            "per_task/trainings": len(tries),
        }
        own = {name: value for name, value in state.reports[0].items() if name not in (_STRENGTH, *_SPENT)}
        return {"task": index + 1, **validation, **own, **chosen, **spent}, method, memory


def _state(method: Method, memory: ReplayMemory) -> checkpoint.Checkpoint:
    model = {name: value.detach().to("cpu", copy=True) for name, value in method.state_dict().items()}
    return checkpoint.Checkpoint(model, memory.state(), [])


def _spent(tries: list[dict[str, Any]]) -> dict[str, float]:
    """What all trainings of a task took together; no FLOPs where one's are not known."""
    known = [name for name in _SPENT if all(name in one for one in tries)]
    return {name: sum(one[name] for one in tries) for name in known}


def _emptied(memory: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The state of a memory that has seen the same tasks and holds nothing of them."""
    tasks = memory["tasks"].copy()
    tasks[:, 0] = 0
    return {"rows": memory["rows"][:0], "labels": memory["labels"][:0], "tasks": tasks}
