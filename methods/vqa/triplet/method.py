"""TRIPLET: decoupled prompts that interact (Qian et al., *Decouple Before Interact*, ICCV 2023)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...common.checks import check_range
from ...method import Batch, Phase, QuestionSpec, Task
from .frozen_backbone import FrozenBackbone
from .interaction import Interaction
from .keyed_method import KeyedConfig, KeyedMethod
from .losses import modality_loss, task_loss


@dataclass(frozen=True)
class TripletConfig(KeyedConfig):
    """Hyper-parameters of TRIPLET. Defaults: the paper's for ALBEF."""

    rank: int = 20
    """d, the rank of the interaction matrices. Range: at least 1. Paper: 20 (ALBEF), 10 (FLAVA)."""

    modality_weight: float = 0.2
    """Weight of modality interaction, lambda 2 of the paper. At 0 there are no interaction matrices, and no
    task interaction either. Range: at least 0. Paper: 0.2 (ALBEF), 0.1 (FLAVA)."""

    task_weight: float = 0.05
    """Weight of task interaction, lambda 3 of the paper. The matrices are in the two interaction terms alone,
    so that for them only the ratio of the two weights counts. Range: at least 0."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("rank", self.rank, 1)
        check_range("modality_weight", self.modality_weight, 0)
        check_range("task_weight", self.task_weight, 0)


class Triplet(KeyedMethod):
    """Prompts by modality, layer and task in frozen encoders, which low-rank matrices tie to each other.

    The fusion's prompts are kept near what the matrices make of the pictures' and the questions' prompts. The
    matrices are kept near what they were at the end of the previous task. They are one set for general
    prompts and one for those of tasks, and are in no other term. Triplet uses no exemplars: the replay memory
    is ignored.
    """

    Config = TripletConfig
    presets = {
        "paper": {},
        "reference": {},  # no code was released
        "flava": {"backbone.flava": "facebook/flava-full", "rank": 10, "modality_weight": 0.1},
    }

    def __init__(
        self, config: TripletConfig, spec: QuestionSpec, backbone: FrozenBackbone | None = None
    ) -> None:
        super().__init__(config, spec, backbone)
        (backbone,) = self._held
        sets = bool(config.general_layers) + bool(config.task_layers) if config.modality_weight else 0
        self.interactions = nn.ModuleList(Interaction(backbone.width, config.rank) for _ in range(sets))
        self._previous: list[Tensor] = []

    @torch.no_grad()
    def start_task(self, task: Task) -> None:
        super().start_task(task)
        if task.index > 0 and self.config.task_weight:
            self._previous = [interaction.matrices() for interaction in self.interactions]

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        c, terms = self.config, super().loss(batch, phase)
        if self.interactions:
            pairs = zip(self.interactions, self.prompts.groups(), strict=True)
            losses = [modality_loss(w(image, text), fusion) for w, (image, text, fusion) in pairs]
            terms["modality"] = c.modality_weight * torch.stack(losses).sum()
        if self._previous:
            pairs = zip(self.interactions, self._previous, strict=True)
            losses = [task_loss(w.matrices(), before) for w, before in pairs]
            terms["task"] = c.task_weight * torch.stack(losses).sum()
        return terms

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        self._previous = []
