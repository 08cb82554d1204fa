"""What TRIPLET and its baselines share: prompts on frozen encoders, and a classifier of the fused class
token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor

from ...common.checks import check_range
from ...common.schedule import cosine
from ...common.trim import trimmed
from ...method import Batch, Pass, Phase, QuestionSpec, Task
from .backbone_config import FrozenBackboneConfig
from .frozen_backbone import FrozenBackbone
from .global_head import GlobalHead
from .losses import soft_cross_entropy, soft_targets
from .modality import MODALITIES, Modality, check_layers
from .prompts import Prompts
from .query_method import QueryMethod
from .splice import Groups
from .task_heads import TaskHeads


@dataclass(frozen=True)
class PromptConfig:
    """Hyper-parameters of prompts on frozen encoders. Defaults: the TRIPLET paper's (Qian et al., ICCV
    2023).
    """

    prompted: ClassVar[tuple[Modality, ...]] = MODALITIES

    backbone: FrozenBackboneConfig = field(default_factory=FrozenBackboneConfig)
    """The image-text model that is never trained."""

    general_layers: tuple[int, ...] = (0, 1, 2)
    """Layers of each prompted encoder, from 0, at which the general prompts, which all tasks share, are
    fresh. In between and afterwards they are carried. They ascend, and all prompted encoders have them; an
    empty list is no general prompts."""

    general_length: int = 5
    """Tokens of the general prompts. Range: at least 1."""

    task_layers: tuple[int, ...] = (2, 3, 4, 5)
    """Layers of each prompted encoder, from 0, at which a task's own prompts are fresh. In between and
    afterwards they are carried. They ascend, and all prompted encoders have them; an empty list is no prompts
    of tasks."""

    task_length: int = 20
    """Tokens of a task's own prompts. Range: at least 1."""

    pass_prompts: bool = True
    """Whether what the prompts of pictures and questions come to is passed on to the fusion encoder."""

    learning_rate: float = 4e-4
    """AdamW's rate at the start of every task. It falls to 0 along a cosine, step by step. Range: above 0."""

    weight_decay: float = 0.01
    """AdamW's weight decay. Range: at least 0. Paper: not stated."""

    epochs: int = 5
    """Passes over a task's data. Range: at least 1. Paper: not stated."""

    batch_size: int = 16
    """Questions in a step, over all workers. Range: at least 1. Paper: 16 (VQA v2), 64 (TDIUC)."""

    def __post_init__(self) -> None:
        for name in ("general_length", "task_length", "epochs", "batch_size"):
            check_range(name, getattr(self, name), 1)
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("weight_decay", self.weight_decay, 0)
        if self.backbone.flava is None:
            full = self.backbone.resolved()
            self.check_depths(
                {
                    "image": full.image_depth,
                    "text": full.fusion_layer,
                    "fusion": full.text_layers - full.fusion_layer,
                }
            )

    def check_depths(self, depths: dict[Modality, int]) -> None:
        """Checks that the encoders have all the layers that prompts are put into.

        Args:
            depths: The number of layers of each encoder.

        Raises:
            ValueError: An encoder does not have a layer. The message has one line.
        """
        for name in ("general_layers", "task_layers"):
            check_layers(name, getattr(self, name), {m: depths[m] for m in self.prompted})


class PromptMethod(QueryMethod):
    """Prompts in frozen encoders, and a linear classifier of the first fused token, trained together.

    Args:
        config: The hyper-parameters.
        spec: The stream's questions and answers.
        backbone: The frozen encoders, as of :class:`~.query_method.QueryMethod`.
    """

    Config = PromptConfig
    head: GlobalHead | TaskHeads
    _data: ClassVar[Literal["task", "seen"]] = "task"

    def __init__(
        self, config: PromptConfig, spec: QuestionSpec, backbone: FrozenBackbone | None = None
    ) -> None:
        super().__init__(config, spec, backbone)
        (backbone,) = self._held
        config.check_depths(dict(backbone.depths))
        self.prompts = Prompts(
            config.prompted,
            backbone.width,
            config.general_layers,
            config.general_length,
            config.task_layers,
            config.task_length,
        )

    def start_task(self, task: Task) -> None:
        if not task.answers:
            raise ValueError(f"task {task.index} ({task.name}) has no answers to learn")
        self.head.grow(task.answers)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        c = self.config
        falling = partial(cosine, floor=0)
        return [Phase("train", c.epochs, c.batch_size, self._optimizer, falling, self._data, "none")]

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        logits = self.head(self.fused(batch, self.prompts.newest()))
        targets = soft_targets(batch.answer, batch.score, self.head.column, logits.shape[1])
        return {"cross_entropy": soft_cross_entropy(logits, targets, batch.weight)}

    def fused(self, batch: Batch, prompts: dict[Modality, Groups]) -> Tensor:
        """Returns the first fused token (B, D) of the prompted encoders.

        Args:
            batch: The samples.
            prompts: The slots of each encoder.
        """
        # No token attends to padding: padding that a whole batch has costs time alone.
        tokens = trimmed(batch.tokens, self.spec.pad_id)
        return self.backbone.fused(batch.image, tokens, prompts, self.config.pass_prompts)

    def _optimizer(self) -> torch.optim.Optimizer:
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(
            trained,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )
