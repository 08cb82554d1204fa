"""EWC, LwF and DER++ on the heads of the recognition baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..common.dark_experience_replay import DarkExperienceReplay, DERConfig
from ..common.distillation import distillation
from ..common.elastic_weight_consolidation import ElasticWeightConsolidation, SampleFisherConfig
from ..common.learning_without_forgetting import LearningWithoutForgetting, LwFConfig
from ..common.precision import full_precision
from ..common.stored_error import stored_error
from ..method import Batch, Task
from .baselines import ClipFinetune, ClipHeadConfig


@dataclass(frozen=True)
class ClipEWCConfig(SampleFisherConfig, ClipHeadConfig):
    """Hyper-parameters of training a head with EWC."""

    def __post_init__(self) -> None:
        ClipHeadConfig.__post_init__(self)
        SampleFisherConfig.__post_init__(self)


class ClipEWC(ElasticWeightConsolidation, ClipFinetune):
    """Online EWC: finetuning that stays near weights that past tasks needed. Ignores the replay memory.

    The likelihood is that of a picture's class among the classes seen. Rows of classes that came later have
    no Fisher information.
    """

    Config = ClipEWCConfig
    presets = {"paper": {}, "reference": {"fisher": "weighted"}}

    def log_likelihoods(self, batch: Batch) -> Iterator[tuple[int, Tensor]]:
        assert batch.feature is not None  # the image encoder is frozen
        for feature, label in zip(batch.feature.split(1), batch.label, strict=True):
            with full_precision(feature):
                yield 1, self.scores(feature, self._classes).log_softmax(1)[0, label]


@dataclass(frozen=True)
class ClipLwFConfig(LwFConfig, ClipHeadConfig):
    """Hyper-parameters of training a head with LwF."""

    def __post_init__(self) -> None:
        ClipHeadConfig.__post_init__(self)
        LwFConfig.__post_init__(self)


class ClipLwF(LearningWithoutForgetting, ClipFinetune):
    """LwF: finetuning that keeps what the previous model said of past classes. Ignores the replay memory."""

    Config = ClipLwFConfig
    presets = {"paper": {}, "reference": {"lwf_weight": 0.5}}

    def start_task(self, task: Task) -> None:
        super().start_task(task)
        self._past = task.classes.start

    def distilled(self, outputs: Tensor, before: Tensor, batch: Batch) -> Tensor:
        past = slice(self._past)
        return distillation(outputs[:, past], before[:, past], self.config.lwf_temperature)


@dataclass(frozen=True)
class ClipDERConfig(DERConfig, ClipHeadConfig):
    """Hyper-parameters of training a head with DER++."""

    def __post_init__(self) -> None:
        ClipHeadConfig.__post_init__(self)
        DERConfig.__post_init__(self)


class ClipDER(DarkExperienceReplay, ClipFinetune):
    """DER++: experience replay with the logits that the memory's pictures once had.

    The logits that are stored are those of the classes seen when a picture came in. Logits of later classes
    are not compared.
    """

    Config = ClipDERConfig

    @torch.no_grad()
    def keep(self, batch: Batch) -> Tensor:
        with full_precision(batch.feature):
            return self.outputs(batch)

    def distances(self, outputs: Tensor, stored: Tensor, batch: Batch) -> Tensor:
        return stored_error(outputs[:, : stored.shape[1]], stored)
