"""EWC, LwF and DER++ on VQACL's T5."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..common.dark_experience_replay import DarkExperienceReplay, DERConfig
from ..common.distillation import distillation
from ..common.elastic_weight_consolidation import ElasticWeightConsolidation, SampleFisherConfig
from ..common.learning_without_forgetting import LearningWithoutForgetting, LwFConfig
from ..common.precision import at_least_float32
from ..common.stored_error import stored_error
from ..method import Batch, QuestionSpec
from .base import RELEASED, AnswerLogits, SequentialConfig, SequentialMethod


@dataclass(frozen=True)
class QuestionEWCConfig(SampleFisherConfig, SequentialConfig):
    """Hyper-parameters of training a T5 with EWC."""

    def __post_init__(self) -> None:
        SequentialConfig.__post_init__(self)
        SampleFisherConfig.__post_init__(self)


class QuestionEWC(ElasticWeightConsolidation, SequentialMethod):
    """Online EWC: finetuning that stays near weights that past tasks needed. Ignores the replay memory.

    The likelihood is that of the tokens of a question's best answer.
    """

    spec: QuestionSpec
    Config = QuestionEWCConfig
    presets = {"paper": {}, "reference": {**RELEASED, "fisher": "weighted"}}

    def log_likelihoods(self, batch: Batch) -> Iterator[tuple[int, Tensor]]:
        for question in _one_by_one(batch):
            targets = self._answers[best_answers(question)]
            logits = at_least_float32(self.model.logits(self.encode(question, learn=True), targets))
            said = targets != self.spec.pad_id
            yield 1, logits.log_softmax(-1).gather(2, targets[..., None])[..., 0][said].sum()


@dataclass(frozen=True)
class QuestionLwFConfig(LwFConfig, SequentialConfig):
    """Hyper-parameters of training a T5 with LwF."""

    def __post_init__(self) -> None:
        SequentialConfig.__post_init__(self)
        LwFConfig.__post_init__(self)


class QuestionLwF(LearningWithoutForgetting, SequentialMethod):
    """LwF: finetuning that keeps what the previous model says. Ignores the replay memory.

    The teacher gives the logits of each token of the drawn answer, given the tokens before it.
    """

    Config = QuestionLwFConfig
    presets = {"paper": {}, "reference": {**RELEASED, "lwf_weight": 0.5}}

    def distilled(self, outputs: AnswerLogits, before: AnswerLogits, batch: Batch) -> Tensor:
        new, old = at_least_float32(outputs.logits), at_least_float32(before.logits)
        return self.token_mean(distillation(new, old, self.config.lwf_temperature), outputs.targets)


@dataclass(frozen=True)
class QuestionDERConfig(DERConfig, SequentialConfig):
    """Hyper-parameters of training a T5 with DER++."""

    def __post_init__(self) -> None:
        SequentialConfig.__post_init__(self)
        DERConfig.__post_init__(self)


class QuestionDER(DarkExperienceReplay, SequentialMethod):
    """DER++: experience replay with the logits that the memory's questions once had.

    The logits of each token of a question's best answer, given the tokens before it, are stored: L times V
    numbers a question, with V the size of the vocabulary.
    """

    spec: QuestionSpec
    Config = QuestionDERConfig

    @torch.no_grad()
    def keep(self, batch: Batch) -> Tensor:
        return self.model.logits(self.encode(batch, learn=False), self._answers[best_answers(batch)])

    def distances(self, outputs: AnswerLogits, stored: Tensor, batch: Batch) -> Tensor:
        best = self._answers[best_answers(batch)]
        logits = outputs.logits
        if not torch.equal(best, outputs.targets):
            logits = self.model.logits(outputs.encoded, best)
        padding = (best == self.spec.pad_id)[..., None]
        return stored_error(at_least_float32(logits), stored.masked_fill(padding, torch.nan))


def best_answers(batch: Batch) -> Tensor:
    """Returns the answer (B,) of each question that is worth most, the first of equals."""
    assert batch.answer is not None and batch.score is not None  # a batch of questions has them
    score = batch.score.masked_fill(batch.answer < 0, -1)
    return batch.answer.gather(1, score.argmax(1, keepdim=True)).squeeze(1).clamp(min=0)


def _one_by_one(batch: Batch) -> Iterator[Batch]:
    tensors = {name: value for name, value in vars(batch).items() if isinstance(value, Tensor)}
    for i in range(len(batch)):
        yield replace(batch, offset=i, **{name: value[i : i + 1] for name, value in tensors.items()})
