"""The baselines of TRIPLET: TRIPLET with parts switched off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ...common.experience_replay import ExperienceReplay, ExperienceReplayConfig
from ...method import Answers, Batch, QuestionSpec
from .frozen_backbone import FrozenBackbone
from .global_head import GlobalHead
from .keyed_method import KeyedConfig, KeyedMethod
from .modality import Modality
from .prompt_method import PromptConfig, PromptMethod


@dataclass(frozen=True)
class DualPromptConfig(KeyedConfig):
    """Hyper-parameters of DualPrompt (Wang et al., ECCV 2022) with prompts of pictures and questions. Layers,
    lengths and rates are TRIPLET's, as the TRIPLET paper compares them.
    """

    prompted: ClassVar[tuple[Modality, ...]] = ("image", "text")
    classifiers: ClassVar[tuple[str, ...]] = ("all", "text", "image")

    classifier: Literal["all", "text", "image"] = "all"
    """Whose task's classifier answers: ``all``, the likeliest answer of all tasks' classifiers, which are the
    rows of DualPrompt's one classifier where no two tasks share an answer; or that of the task found by the
    ``text``'s or the ``image``'s query."""


class DualPrompt(KeyedMethod):
    """General and task-specific prompts of pictures and questions (the TRIPLET paper's DualPrompt-diamond).
    There are no prompts in the fusion, and no interactions.
    """

    Config = DualPromptConfig


@dataclass(frozen=True)
class L2PConfig(DualPromptConfig):
    """Hyper-parameters of L2P: those of DualPrompt without general prompts, and with a task's prompts at the
    first layer.
    """

    general_layers: tuple[int, ...] = ()
    task_layers: tuple[int, ...] = (0,)


class L2P(DualPrompt):
    """Learning to Prompt (Wang et al., CVPR 2022): prompts enter with the first layer, and each task has its
    part of the pool (the TRIPLET paper's L2P-diamond). The released pool lets tasks share prompts.
    """

    Config = L2PConfig


class TripletFinetune(PromptMethod):
    """TRIPLET's prompts, one set for all tasks, and one classifier, trained on each task's data alone: no
    keys, no interactions. Cross-entropy runs over the answers learnt so far. Ignores the replay memory.
    """

    head: GlobalHead

    def __init__(
        self, config: PromptConfig, spec: QuestionSpec, backbone: FrozenBackbone | None = None
    ) -> None:
        super().__init__(config, spec, backbone)
        (backbone,) = self._held
        self.prompts.grow()
        self.head = GlobalHead(backbone.width, len(spec.answers))

    def _optimizer(self) -> torch.optim.Optimizer:
        optimizer = super()._optimizer()
        self.head.keep_waiting(optimizer)
        return optimizer

    @torch.no_grad()
    def answer(self, batch: Batch) -> Answers:
        index, score = self.head.best(self.fused(batch, self.prompts.newest()))
        return Answers([self.spec.answers[i] for i in index.tolist()], score)


@dataclass(frozen=True)
class PromptReplayConfig(ExperienceReplayConfig, PromptConfig):
    """Hyper-parameters of training prompts beside a memory."""

    def __post_init__(self) -> None:
        PromptConfig.__post_init__(self)
        ExperienceReplayConfig.__post_init__(self)


class TripletReplay(ExperienceReplay, TripletFinetune):
    """Experience replay: finetuning with the memory's questions."""

    Config = PromptReplayConfig


class TripletJoint(TripletFinetune):
    """Joint training: each task trains on every task's data so far. Ignores the replay memory."""

    _data = "seen"
