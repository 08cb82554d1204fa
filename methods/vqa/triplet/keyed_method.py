"""Prompts and classifiers that belong to a task and are found by keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...common.checks import check_range
from ...method import Answers, Batch, Phase, QuestionSpec, Task
from .frozen_backbone import FrozenBackbone
from .keys import Keys
from .modality import MODALITIES
from .prompt_method import PromptConfig, PromptMethod
from .task_heads import TaskHeads


@dataclass(frozen=True)
class KeyedConfig(PromptConfig):
    """Hyper-parameters of prompts and classifiers that are found by keys."""

    classifiers: ClassVar[tuple[str, ...]] = ("fusion", "text", "image", "majority", "all")

    match_weight: float = 0.1
    """Weight of the query-and-match loss, lambda 1 of the paper. Keys are in no other term, and AdamW divides
    a gradient by its size, so that any weight trains them alike. Range: above 0."""

    classifier: Literal["fusion", "text", "image", "majority", "all"] = "fusion"
    """Whose task's classifier answers: that of the task found by the ``fusion``'s query, by the ``text``'s or
    by the ``image``'s; of the task found by two of the three (``majority``; where all differ, the fusion's);
    or ``all``, the likeliest answer of all tasks' classifiers. Paper: not stated."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("match_weight", self.match_weight, 0, open_low=True)
        if self.classifier not in self.classifiers:
            raise ValueError(f"classifier {self.classifier!r} must be one of {', '.join(self.classifiers)}")


class KeyedMethod(PromptMethod):
    """A method in which every task adds prompts, keys and a classifier. Those of past tasks are frozen.

    In each modality by itself, a question's task is the one whose key is nearest to the query, and the
    prompts of that modality are that task's.

    Args:
        config: The hyper-parameters.
        spec: The stream's questions and answers.
        backbone: The frozen encoders; None: they are made from ``config``.
    """

    frozen = frozenset({"queries"})
    Config = KeyedConfig
    head: TaskHeads

    def __init__(
        self, config: KeyedConfig, spec: QuestionSpec, backbone: FrozenBackbone | None = None
    ) -> None:
        super().__init__(config, spec, backbone)
        (backbone,) = self._held
        self.keys = Keys(len(config.prompted), backbone.width)
        self.head = TaskHeads(backbone.width, len(spec.answers))
        self._rows = [MODALITIES.index(name) for name in config.prompted]

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self.prompts.grow()
        self.keys.grow()

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        terms = super().loss(batch, phase)
        terms["match"] = self.config.match_weight * self.keys.match(self._own_queries(batch))
        return terms

    @torch.no_grad()
    def answer(self, batch: Batch) -> Answers:
        chosen = self.keys.select(self._own_queries(batch))
        tasks = dict(zip(self.config.prompted, chosen.unbind(1), strict=True))
        fused = self.fused(batch, self.prompts.chosen(chosen))
        index, score = self.head.best(fused, self._task(tasks))
        return Answers([self.spec.answers[i] for i in index.tolist()], score, tasks)

    def _own_queries(self, batch: Batch) -> Tensor:
        """The queries (B, M, D) of the modalities that are prompted."""
        return self.queries(batch)[:, self._rows].to(self.keys.values.new.dtype)

    def _task(self, tasks: dict[str, Tensor]) -> Tensor | None:
        """The task (B,) whose classifier answers; None: those of all tasks."""
        how = self.config.classifier
        if how == "all":
            return None
        if how == "majority":
            # Where picture and question agree, they are two of three. Otherwise the fusion is in any two that
            # agree.
            return torch.where(tasks["image"] == tasks["text"], tasks["image"], tasks["fusion"])
        return tasks[how]
