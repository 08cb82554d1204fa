"""VQACL: compositional and continual visual question answering (Zhang et al., CVPR 2023)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common import distributed
from ...common.checks import check_range
from ...common.precision import full_precision
from ...common.trim import last_tokens
from ...method import Batch, Phase, QuestionSpec, Task
from ..base import RELEASED, masked_mean
from ..baselines import QuestionReplay, QuestionReplayConfig
from .prototypes import Prototypes

if TYPE_CHECKING:
    from ..t5.joint_t5 import EncoderStates

_SHORTEST = 3  # tokens of a question: [CLS], a word, [SEP]


@dataclass(frozen=True)
class VQACLConfig(QuestionReplayConfig):
    """Hyper-parameters of VQACL. Defaults: the paper's, for VQA v2."""

    alpha: float = 0.5
    """The past's part in the moving averages of questions' prototypes. Range: 0 to 1. Paper: 0.5 (VQA v2),
    0.3 (NExT-QA)."""

    beta: float = 0.3
    """The past's part in the moving averages of pictures' prototypes. Range: 0 to 1. Paper: 0.3 (VQA v2), 0.5
    (NExT-QA)."""

    prototype_update: Literal["paper", "reference"] = "paper"
    """When a prototype changes: with a batch that holds its class (``paper``), or with every batch, so that
    those of classes that it lacks decay towards zero (``reference``, which also replaces pictures' prototypes
    at a task's start and chooses empty ones)."""

    question_part: Literal["tokens", "fixed"] = "tokens"
    """The encoder's positions whose mean is compared with questions' prototypes, the others' being compared
    with pictures': those of the question's ``tokens``, or the first ``question_tokens``, whatever lies there
    (``fixed``). Questions are then padded to the longest in the batch alone, and where that is shorter,
    regions are counted to them."""

    question_tokens: int = 20
    """Positions of ``question_part`` ``fixed``. A picture then needs at least ``question_tokens`` - 2
    regions. Range: at least 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("alpha", self.alpha, 0, 1)
        check_range("beta", self.beta, 0, 1)
        check_range("question_tokens", self.question_tokens, 1)
        for name, allowed in (
            ("prototype_update", ("paper", "reference")),
            ("question_part", ("tokens", "fixed")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} must be one of {', '.join(allowed)}")


class VQACL(QuestionReplay):
    """Sample-specific features, joined by sample-invariant ones before an answer is said.

    The encoder's output is sample-specific. Its mean over the question chooses the nearest prototype of a
    kind of question, and its mean over the regions the nearest prototype of an object. The decoder attends to
    these two as to two more tokens. Prototypes are built from labels in training, before they are chosen
    from, and are kept at test. They move once an optimiser step: each of a step's micro-batches is added to
    the batch that the step has seen so far. With ``question_part`` ``fixed``, an answer depends on the
    lengths of the other questions in its batch.

    Args:
        config: The hyper-parameters.
        spec: The stream's questions and answers.

    Raises:
        ValueError: ``question_tokens`` may leave no region to the pictures' prototypes.
    """

    Config = VQACLConfig
    presets = {
        "paper": {},
        "reference": {**RELEASED, "prototype_update": "reference", "question_part": "fixed"},
    }

    def __init__(self, config: VQACLConfig, spec: QuestionSpec) -> None:
        super().__init__(config, spec)
        c, regions = config, self.model.regions
        if c.question_part == "fixed" and regions + _SHORTEST <= c.question_tokens:
            raise ValueError(
                f"question_tokens {c.question_tokens} may leave no region to pictures' prototypes: with "
                f"{regions} regions, allowed are 1 to {regions + _SHORTEST - 1}"
            )
        self.prototypes = Prototypes(
            len(spec.kinds), len(spec.objects), self.model.width, c.alpha, c.beta, c.prototype_update
        )

    @property
    def eval_batch_size(self) -> int | None:
        return self.config.batch_size if self.config.question_part == "fixed" else None

    def start_task(self, task: Task) -> None:
        self.prototypes.start_task(task.index)

    def before_step(self, phase: Phase) -> None:
        self.prototypes.start_step()

    def encode(self, batch: Batch, *, learn: bool) -> EncoderStates:
        if self.config.question_part == "fixed":
            batch = _trimmed(batch, self.spec.pad_id, everywhere=learn)
        encoded = self.model.encode(batch)
        with torch.no_grad(), full_precision(encoded.hidden):
            question, picture = self._pooled(encoded)
            if learn:
                self.prototypes.update(question, picture, batch.kind, batch.label)
            chosen = self.prototypes.retrieve(question, picture)
        return encoded._replace(
            hidden=torch.cat([encoded.hidden, chosen.to(encoded.hidden)], dim=1),
            mask=F.pad(encoded.mask, (0, 2), value=True),
        )

    def _pooled(self, encoded: EncoderStates) -> tuple[Tensor, Tensor]:
        """The means over the question's part and over the rest, (B, W) each."""
        hidden, words = encoded.hidden, encoded.words
        if self.config.question_part == "tokens":
            return masked_mean(hidden[:, :words], encoded.mask[:, :words]), hidden[:, words:].mean(1)
        split = self.config.question_tokens
        return hidden[:, :split].mean(1), hidden[:, split:].mean(1)


def _trimmed(batch: Batch, pad_id: int, *, everywhere: bool) -> Batch:
    """Removes the columns at the end that are padding in the whole batch; with ``everywhere``, in the batches
    of all ranks.
    """
    end = last_tokens(batch.tokens, pad_id)
    longest = (distributed.all_gather(end) if everywhere else end).max()
    return replace(batch, tokens=batch.tokens[:, : int(longest)])
