"""The baselines of the recognition methods, on the same frozen features."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backbones.clip_config import ClipConfig
from ..common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from ..common.schedule import cosine
from ..method import ClassSpec, Pass, Phase, Task
from .base import RecognitionConfig, RecognitionMethod
from .logit_scale import check_logit_scale
from .mma.adapters.clip_adapter import ClipAdapter
from .mma.adapters.config import AdapterConfig


@dataclass(frozen=True)
class ZeroShotConfig:
    """Zero-shot CLIP has nothing to choose but its ``backbone``."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP that scores pictures."""


class ZeroShot(RecognitionMethod):
    """Zero-shot CLIP: cosines with the class texts, times CLIP's scale. Nothing is trained."""

    Config = ZeroShotConfig

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        return self.spec.scale * feature @ self._texts(classes).T

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        return feature, self._texts(classes)


@dataclass(frozen=True)
class ClipHeadConfig(RecognitionConfig):
    """Hyper-parameters of training a head on CLIP's features, by Adam.

    Rate, epochs, batch and schedule are those of Tip-Adapter's released code (Zhang et al., ECCV 2022), which
    trains on frozen CLIP features, too. Its weight decay would move the rows of classes that have not
    arrived, and is left out.
    """

    learning_rate: float = 1e-3
    """Adam's rate at the start of every task. It falls to 0 along a cosine, step by step. Range: above 0.
    Paper: 0.001 (Tip-Adapter's released code)."""

    epochs: int = 20
    """Passes over a task's training set. Range: at least 1. Paper: 20 (Tip-Adapter's released code)."""

    batch_size: int = 256
    """Pictures in a step, over all workers. Range: at least 1. Paper: 256 (Tip-Adapter's released code)."""

    head: Literal["linear", "adapter"] = "linear"
    """What is trained: ``linear``, a row a class that starts as the class's text, or ``adapter``,
    CLIP-Adapter (Gao et al., arXiv 2110.04544) on the image, which all classes share. Paper: none."""

    ratio: float = 0.2
    """The adapter's part where it is blended with the frozen feature. Range: 0 to 1. Paper: none. Released
    code: 0.2 (CLIP-Adapter in MMA's)."""

    logit_scale: float | Literal["clip", "learnt"] = "clip"
    """What the cosines of pictures and classes are multiplied by: a number, CLIP's own scale (``clip``), or
    a parameter that starts there (``learnt``). OpenAI's CLIPs have 100, the shipped ``world`` has 16. Range:
    above 0. Paper: none."""

    def __post_init__(self) -> None:
        RecognitionConfig.__post_init__(self)
        if self.head not in ("linear", "adapter"):
            raise ValueError(f"head {self.head!r} must be one of linear, adapter")
        AdapterConfig(ratio=self.ratio)
        check_logit_scale(self.logit_scale, ("clip", "learnt"))


class ClipFinetune(RecognitionMethod):
    """Sequential finetuning of a head: each task's data alone. Ignores the replay memory.

    The linear head's rows start as the class texts. They are compared with pictures by cosine times
    ``logit_scale``, so that the untrained head chooses as zero-shot CLIP does. The rows of classes that have
    not arrived stay as they are.
    """

    Config = ClipHeadConfig

    def __init__(self, config: ClipHeadConfig, spec: ClassSpec) -> None:
        super().__init__(config, spec)
        if config.head == "linear":
            self.weight = nn.Parameter(self.text.clone())
        else:
            self.adapter = ClipAdapter(spec.width, AdapterConfig(ratio=config.ratio))
        if config.logit_scale == "learnt":
            self.log_scale = nn.Parameter(torch.tensor(math.log(spec.scale)))

    def scores(self, feature: Tensor, classes: range) -> Tensor:
        image, rows = self.adapted(feature, classes)
        return self._scale() * image @ rows.T

    def adapted(self, feature: Tensor, classes: range) -> tuple[Tensor, Tensor]:
        if self.config.head == "linear":
            return feature, F.normalize(self.weight[classes.start : classes.stop], dim=-1)
        text = self._texts(classes)
        return self.adapter.image_features(feature, text), text

    def _scale(self) -> float | Tensor:
        scale = self.config.logit_scale
        if scale == "learnt":
            return self.log_scale.exp()
        return self.spec.scale if scale == "clip" else scale

    def _optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.config.learning_rate)

    def _factor(self, step: int, steps: int) -> float:
        return cosine(step, steps, 0)


@dataclass(frozen=True)
class ClipReplayConfig(ExperienceReplayConfig, ClipHeadConfig):
    """Hyper-parameters of training a head beside a memory."""

    def __post_init__(self) -> None:
        ClipHeadConfig.__post_init__(self)
        ExperienceReplayConfig.__post_init__(self)


class ClipReplay(ExperienceReplay, ClipFinetune):
    """Experience replay: finetuning with the memory's pictures. The ER of CLAP4CLIP's paper and code merges,
    then consolidates.
    """

    Config = ClipReplayConfig
    presets = {
        "fair": {},
        **dict.fromkeys(("paper", "reference", "clap4clip"), {"replay": "merge", "consolidation_epochs": 2}),
    }


class ClipJoint(ClipFinetune):
    """Joint training: each task trains on every task's data so far. Ignores the replay memory."""

    _data = "seen"


class ClipJointOnce(ClipFinetune):
    """Joint training, once: the first task trains on the whole stream, later ones on nothing. Ignores the
    replay memory.
    """

    spec: ClassSpec
    whole_stream = True
    _data = "all"

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._classes = range(len(self.spec.names))

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return super().phases(task) if task.index == 0 else []
