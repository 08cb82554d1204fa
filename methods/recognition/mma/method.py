"""MMA: the multi-modal adapter (Seputis et al., arXiv 2409.02958)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from ...common.checks import check_range
from ...common.experience_replay import ExperienceReplay, ExperienceReplayConfig, Mixing
from ...common.schedule import cosine
from ...method import ClassSpec, Pass, Phase, Task
from ..base import RecognitionConfig, RecognitionMethod
from ..logit_scale import at_logit_scale, check_logit_scale
from .adapters.config import AdapterConfig
from .adapters.registry import ADAPTERS

_REFERENCE_CLAMP = 4.6052
"""ln 100 as the released code writes it."""


@dataclass(frozen=True)
class MMAConfig(ExperienceReplayConfig, RecognitionConfig, AdapterConfig):
    """Hyper-parameters of MMA. The defaults are those of the released code, and those of the paper where they
    differ.
    """

    replay: Mixing = "merge"
    """How a memory is mixed in, which the paper does not have. ``merge``: its pictures join the task's, one
    set. ``paired``: each step on the task is followed by one on a batch of the memory, twice as many steps.
    ``weighted``: as ``merge``, with a loss in which classes count alike."""

    adapter: Literal[
        "clip_transformer_adapter_text",
        "clip_transformer_adapter",
        "clip_transformer",
        "clip_transformer_downscaled",
        "clip_transformer_w_hypernet",
        "clip_mm_mlp",
        "clip_mm_mlp_adapter",
        "clip_adapter",
        "clip_linear",
        "clip_base",
    ] = "clip_transformer_adapter_text"
    """One of the released code's ten variants, by its name there. ``clip_transformer_adapter_text`` is MMA,
    ``clip_base`` is zero-shot CLIP."""

    learning_rate: float = 5e-3
    """Adam's rate at the start of every task. Range: above 0."""

    weight_decay: float = 1e-4
    """Adam's weight decay, added to the gradient. Range: at least 0."""

    schedule: Literal["constant", "cosine"] = "constant"
    """How the rate runs in a task: ``constant``, or ``cosine``, to 0, step by step. The released code builds
    a cosine and never calls it."""

    epochs: int = 200
    """Passes over a task's training set, at most. Range: at least 1."""

    patience: int = 20
    """Epochs without a better validation score after which a task ends with its best weights. The score is
    the mean over the task and, with a memory, over all past tasks: their whole validation splits, which
    ``replay.size`` does not count. The search goes by the same splits. With 0 all epochs are walked, and the
    last weights are kept. Range: at least 0."""

    logit_scale: float | Literal["clip"] = "clip"
    """What the cosines of pictures and classes are multiplied by: a number, or CLIP's own scale (``clip``).
    OpenAI's CLIPs have 100, the shipped ``world`` has 16. Range: above 0. Paper: clip."""

    clamp_scale: bool = False
    """Whether the scale of ``clip_linear`` and ``clip_mm_mlp_adapter`` is clamped to ln 100 after each step,
    though it is kept exponentiated, as in the released code: similarities are multiplied by 100 at the first
    step and by 4.6 from then on. Off, the scale stays CLIP's."""

    last_batch: Literal["drop", "keep"] = "drop"
    """The pictures that are left at the end of an epoch: with ``drop`` they are left out, other ones in each
    epoch; with ``keep`` they make a smaller batch. Released code: keep.
    """

    def __post_init__(self) -> None:
        ExperienceReplayConfig.__post_init__(self)
        RecognitionConfig.__post_init__(self)
        AdapterConfig.__post_init__(self)
        if self.adapter not in ADAPTERS:
            raise ValueError(f"adapter {self.adapter!r} must be one of {', '.join(ADAPTERS)}")
        check_range("weight_decay", self.weight_decay, 0)
        check_logit_scale(self.logit_scale)
        if self.schedule not in ("constant", "cosine"):
            raise ValueError(f"schedule {self.schedule!r} must be one of constant, cosine")
        if self.last_batch not in ("drop", "keep"):
            raise ValueError(f"last_batch {self.last_batch!r} must be one of drop, keep")
        check_range("patience", self.patience, 0)
        variant = ADAPTERS[self.adapter]
        inner = self.down_dim or variant.down_dim
        if variant.attends and variant.down_dim and inner % self.heads:
            raise ValueError(f"heads {self.heads} must divide down_dim {inner}")


class MMA(ExperienceReplay, RecognitionMethod):
    """An adapter that lets pictures and class texts attend to each other, trained on each task in turn.

    One adapter is carried along. Cross-entropy runs over the classes seen so far. A replay memory is used as
    ``replay`` and ``consolidation_epochs`` say. Scores depend on the classes that are compared, since their
    texts share the attention. Classes that have not been learnt go through the adapter like the others.
    """

    Config = MMAConfig
    presets = {
        "paper": {},
        "reference": {"mask_mode": "additive_one", "clamp_scale": True, "last_batch": "keep"},
    }

    def __init__(self, config: MMAConfig, spec: ClassSpec) -> None:
        super().__init__(config, at_logit_scale(spec, config.logit_scale))
        self.adapter = ADAPTERS[config.adapter](spec.width, config)
        self._patience = config.patience
        self._clamps = config.clamp_scale and self.adapter.clamped
        if self._clamps:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        last = self.config.last_batch == "keep"
        return [replace(p, keep_last=last) if isinstance(p, Phase) else p for p in super().phases(task)]

    def before_step(self, phase: Phase) -> None:
        if self._clamps:
            self.steps += 1

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        similarity, scale = self.adapter(feature, self._texts(classes)), self.spec.scale
        if not self.adapter.scaled:
            return similarity
        if not self._clamps:
            return similarity * scale
        # While training, the current step is counted already.
        done = self.steps - int(self.training)
        return torch.where(done > 0, similarity * min(scale, _REFERENCE_CLAMP), similarity * scale)

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        text = self._texts(classes)
        return self.adapter.image_features(feature, text), self.adapter.class_features(feature, text)

    def _optimizer(self) -> torch.optim.Optimizer:
        c = self.config
        return torch.optim.Adam(self.parameters(), lr=c.learning_rate, weight_decay=c.weight_decay)

    def _factor(self, step: int, steps: int) -> float:
        return cosine(step, steps, 0) if self.config.schedule == "cosine" else 1.0
