"""iCaRL: sigmoid distillation, and the nearest mean of exemplars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..common.checks import check_range
from ..common.distributed import all_reduce_sum
from ..common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from ..common.frozen_copy import frozen_copy
from ..common.precision import full_precision
from ..common.schedule import cosine
from ..common.weighted_mean import weighted_mean
from ..method import Batch, ClassSpec, Pass, Phase, Task
from .base import RecognitionConfig, RecognitionMethod
from .mma.adapters.clip_adapter import ClipAdapter
from .mma.adapters.config import AdapterConfig


@dataclass(frozen=True)
class ICaRLConfig(ExperienceReplayConfig, RecognitionConfig):
    """Hyper-parameters of iCaRL on frozen features of CLIP."""

    learning_rate: float = 1e-3
    """Adam's rate at the start of every task. It falls to 0 along a cosine, step by step. Range: above 0.
    Paper: 2, of stochastic gradient descent on a whole network."""

    ratio: float = 0.2
    """The adapter's part where it is blended with the frozen feature. Range: 0 to 1. Paper: none."""

    def __post_init__(self) -> None:
        RecognitionConfig.__post_init__(self)
        ExperienceReplayConfig.__post_init__(self)
        check_range("ratio", self.ratio, 0, 1)


class ClipICaRL(ExperienceReplay, RecognitionMethod):
    """iCaRL (Rebuffi et al., CVPR 2017) with a CLIP-Adapter as the features that are learnt.

    A linear layer on the adapter's unit features has a sigmoid for each class. It has no scale beside it: its
    weights and biases are free, and learn theirs. The loss is :func:`sigmoid_distillation`. The layer serves
    training alone: a picture gets the class whose exemplars' mean is nearest (Algorithm 1). The means of the
    whole memory are made anew after each task. A class without exemplars has its text in the place of a mean.

    Args:
        config: The hyper-parameters.
        spec: The stream's classes.
    """

    Config = ICaRLConfig
    presets = {"fair": {}, "paper": {"replay": "merge"}, "reference": {"replay": "merge"}}
    spec: ClassSpec
    _exemplars: ClassVar[Pass] = Pass("exemplars", data="memory")

    def __init__(self, config: ICaRLConfig, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        self.adapter = ClipAdapter(spec.width, AdapterConfig(ratio=config.ratio))
        self.layer = nn.Linear(spec.width, len(spec.names))
        self.counts: Tensor
        self.sums: Tensor
        self.register_buffer("counts", torch.zeros(len(spec.names), dtype=torch.float64))
        self.register_buffer("sums", torch.zeros(len(spec.names), spec.width, dtype=torch.float64))
        self._past = 0
        self._new: tuple[Tensor, Tensor] = (self.counts, self.sums)
        self._teacher: tuple[ClipICaRL, ...] = ()

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._past = task.classes.start
        self._teacher = (frozen_copy(self),) if task.index else ()  # a module in a tuple is not registered
        self._new = torch.zeros_like(self.counts), torch.zeros_like(self.sums)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return [*super().phases(task), self._exemplars]

    def outputs(self, batch: Batch) -> Tensor:
        return self.layer(self._features(batch.feature))[:, : self._classes.stop]

    def terms(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        old = outputs[:, :0]
        for teacher in self._teacher:
            with torch.no_grad():
                old = teacher.outputs(batch)[:, : self._past].sigmoid()
        losses = sigmoid_distillation(outputs, batch.label, old)
        return {"sigmoids": weighted_mean(losses, batch.weight)}

    @torch.no_grad()
    def observe(self, batch: Batch, step: Pass) -> None:
        with full_precision(batch.feature):
            feature = self._features(batch.feature).to(self.sums)
        one_hot = F.one_hot(batch.label, len(self.counts)).to(feature)
        counts, sums = self._new
        counts += one_hot.sum(0)
        sums += one_hot.T @ feature

    @torch.no_grad()
    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        # The pass has shown the whole memory, which may keep less of past classes than before.
        counts, sums = self._new
        self.counts.copy_(all_reduce_sum(counts))
        self.sums.copy_(all_reduce_sum(sums))
        self._teacher = ()

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        image, rows = self.adapted(feature, classes)
        return self.spec.scale * image @ rows.T

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        some = slice(classes.start, classes.stop)
        text = self._texts(classes)
        means = F.normalize(self.sums[some], dim=-1).to(text)
        return self._features(feature), torch.where(self.counts[some, None] > 0, means, text)

    def _features(self, feature: Tensor) -> Tensor:
        return self.adapter.image_features(feature, self.text)

    def _optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.config.learning_rate)

    def _factor(self, step: int, steps: int) -> float:
        return cosine(step, steps, 0)


def sigmoid_distillation(logits: Tensor, label: Tensor, old: Tensor) -> Tensor:
    """Returns each sample's binary cross-entropy, the mean over the classes that exist.

    The targets of past classes are the old model's sigmoids, also of samples of these classes. Those of new
    classes are 1 at the sample's class and 0 elsewhere.

    Args:
        logits: (B, C), of all classes seen.
        label: (B,).
        old: (B, P), the sigmoids of the P past classes, the first ones.

    Returns:
        (B,).
    """
    one_hot = F.one_hot(label, logits.shape[1]).to(logits)
    targets = torch.cat([old, one_hot[:, old.shape[1] :]], dim=1)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(1)
