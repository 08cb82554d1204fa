"""What VQACL and its baselines share: a T5 over questions and regions, which says answers word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..common.checks import check_range
from ..common.importing import importing
from ..common.output_method import OutputMethod
from ..common.precision import full_precision
from ..common.reference_adamw import ReferenceAdamW
from ..common.schedule import warmup_constant
from ..common.weighted_mean import weighted_mean
from ..method import Answers, Batch, Pass, Phase, QuestionSpec, Scenario, Task
from .t5.beam_search import beam_search
from .t5.config import JointT5Config
from .t5.targets import draw_targets

if TYPE_CHECKING:
    from .t5.joint_t5 import EncoderStates

RELEASED = {"area": "reference", "adamw": "reference", "warmup_from": "zero"}
"""The behaviour of all methods in VQACL's released code, where it differs from the paper."""

_ADAM_EPS = 1e-6


@dataclass(frozen=True)
class QuestionConfig:
    """Hyper-parameters of training a T5 to say answers. Defaults: the VQACL paper's (Zhang et al., CVPR
    2023).
    """

    backbone: JointT5Config = field(default_factory=JointT5Config)
    """The T5 that is trained."""

    learning_rate: float = 1e-4
    """AdamW's rate after the warm-up. It is constant. Range: above 0."""

    warmup: float = 0.1
    """Share of a phase's steps over which the rate rises linearly. Range: at least 0, below 1."""

    warmup_from: Literal["first", "zero"] = "first"
    """Where the rise begins: a step above 0 (``first``), or at 0, so that a phase's first step moves nothing
    (``zero``, transformers' schedule)."""

    weight_decay: float = 0.01
    """AdamW's weight decay. It acts on all parameters except biases, as in the released code. That code's
    optimiser (``adamw`` ``reference``) takes T5's tables of relative positions for biases, too. Range: at
    least 0.
    """

    adamw: Literal["torch", "reference"] = "torch"
    """The optimiser: ``torch``'s AdamW, or transformers' of before its version 5 (``reference``, the released
    code's), which adds epsilon before the bias correction and decays weights after the step."""

    clip: float = 5.0
    """Largest norm of a step's gradient, which is scaled down to it. Range: above 0."""

    epochs: int = 3
    """Passes over a phase's data. Range: at least 1."""

    batch_size: int = 80
    """Questions in a step, over all workers. Range: at least 1."""

    beams: int = 5
    """Beams of the search for an answer; 1 is greedy. Range: at least 1."""

    early_stopping: bool = False
    """Whether the search for an answer ends once as many are finished as there are beams. If not, it goes on
    while an open answer has a better mean than the worst of them, as transformers does by default. Released
    code: false (VQACL)."""

    area: Literal["box", "reference"] = "box"
    """Area of a region that is embedded with its place: that of its ``box``, or the ``reference`` of the
    released code, which takes corners for sides."""

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("warmup", self.warmup, 0, 1, open_high=True)
        check_range("weight_decay", self.weight_decay, 0)
        check_range("clip", self.clip, 0, open_low=True)
        for name in ("epochs", "batch_size", "beams"):
            check_range(name, getattr(self, name), 1)
        for name, allowed in (
            ("area", ("box", "reference")),
            ("adamw", ("torch", "reference")),
            ("warmup_from", ("first", "zero")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} must be one of {', '.join(allowed)}")


@dataclass(frozen=True)
class SequentialConfig(QuestionConfig):
    """Hyper-parameters of training on one task after another."""

    inner: bool = True
    """Whether a task's object groups are learnt one after another, each with a fresh optimiser and beside the
    memory's questions about it (the paper's inner sequence), or all at once. A task of one group has no inner
    sequence."""


class AnswerLogits(NamedTuple):
    """What the model says of a drawn answer to each question.

    Attributes:
        logits: (B, L, V), for each token of the answer, given the tokens before it.
        targets: int64 (B, L), the answer's tokens.
        score: (B,), what the answer is worth.
        encoded: The states that the decoder attends to.
    """

    logits: Tensor
    targets: Tensor
    score: Tensor
    encoded: EncoderStates


class QuestionMethod(OutputMethod):
    """A T5 that reads a question with the regions of its picture and says the answer.

    The loss is the cross-entropy of the answer's tokens, averaged over them, times the answer's score. The
    answer is drawn in proportion to the scores.

    Args:
        config: The hyper-parameters.
        spec: The stream's questions and answers.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"vqa"})
    measures = "vqacl"
    Config = QuestionConfig
    presets = {"paper": {}, "reference": RELEASED}

    def __init__(self, config: QuestionConfig, spec: QuestionSpec) -> None:
        super().__init__(config, spec)
        self.model = self._make_model()
        self.register_buffer("_answers", spec.answer_tokens, persistent=False)

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: Any, tasks: int) -> int | None:
        grid = config.backbone.resolved().grid
        regions = spec.regions or (grid**2, 3 * (spec.image_size // grid) ** 2)
        return 4 * config.backbone.numbers(spec.vocab_size, *regions)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        return [self._phase("train")]

    def outputs(self, batch: Batch) -> Any:
        """Returns the logits of drawn answers' tokens, :class:`AnswerLogits`."""
        uniform = batch.draw(lambda g, total: torch.rand(total, generator=g, dtype=torch.float64))
        answer, score = draw_targets(batch.answer, batch.score, uniform)
        targets = self._answers[answer]
        encoded = self.encode(batch, learn=True)
        return AnswerLogits(self.model.logits(encoded, targets), targets, score, encoded)

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        logits, targets, score, _ = outputs
        token = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(targets)
        mean = self.token_mean(token, targets)
        return {"answer": weighted_mean(score.to(mean.dtype) * mean, batch.weight)}

    def token_mean(self, values: Tensor, targets: Tensor) -> Tensor:
        """Returns the means (B,) of a value at each token over the tokens that an answer has.

        Args:
            values: (B, L).
            targets: int64 (B, L), the answers' tokens.
        """
        said = targets != self.spec.pad_id
        return (values * said).sum(1) / said.sum(1).clamp(min=1)

    @torch.no_grad()
    def answer(self, batch: Batch) -> Answers:
        speaker = self.model.speaker(self.encode(batch, learn=False))
        length = self.spec.answer_tokens.shape[1]
        c, end, pad = self.config, self.spec.sep_id, self.spec.pad_id
        said, score = beam_search(speaker, c.beams, length, end, pad, early_stopping=c.early_stopping)
        return Answers([self.spec.detokenize(row) for row in said.tolist()], score)

    @torch.no_grad()
    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns unit rows (B, W), for herding: the mean of what the encoder gives for a question and its
        picture.

        Args:
            batch: The questions.
            kind: ``pair``.

        Raises:
            ValueError: ``kind`` is another one.
        """
        if kind != "pair":
            raise ValueError(f"kind {kind!r}: words and regions are encoded together, allowed is pair")
        encoded = self.model.encode(batch)
        return F.normalize(masked_mean(encoded.hidden, encoded.mask), dim=-1)

    def encode(self, batch: Batch, *, learn: bool) -> EncoderStates:
        """Returns the states that the decoder attends to.

        Args:
            batch: The questions.
            learn: Whether it is a training step, with labels that may be looked at.
        """
        return self.model.encode(batch)

    def _make_model(self) -> nn.Module:
        # transformers takes seconds to import. Listing methods and checking configurations do without it.
        with importing():
            from .t5.joint_t5 import JointT5

        return JointT5(self.config.backbone, self.spec, self.config.area)

    def _phase(
        self,
        name: str,
        data: Literal["task", "seen", "all"] = "task",
        group: int | None = None,
    ) -> Phase:
        c = self.config
        rising = partial(warmup_constant, warmup=c.warmup, from_zero=c.warmup_from == "zero")
        how = c.epochs, c.batch_size, self._optimizer, rising, data
        return Phase(name, *how, replay="none", group=group, clip=c.clip)

    def _optimizer(self) -> torch.optim.Optimizer:
        c = self.config
        # The released code looks for the word anywhere in a name, as in T5's relative_attention_bias.weight.
        spared = "bias" if c.adamw == "reference" else ".bias"
        biases = [p for n, p in self.named_parameters() if spared in n]
        others = [p for n, p in self.named_parameters() if spared not in n]
        groups = [{"params": others}, {"params": biases, "weight_decay": 0.0}]
        how = {"lr": c.learning_rate, "eps": _ADAM_EPS, "weight_decay": c.weight_decay}
        if c.adamw == "reference":
            return ReferenceAdamW(groups, **how)
        return torch.optim.AdamW(groups, **how, fused=True)


class SequentialMethod(QuestionMethod):
    """Trains a task's object groups one after another: each has a phase with a fresh optimiser
    and warm-up.
    """

    Config = SequentialConfig

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        # A memory is replayed by group as well. Where a task has only one group, the memory may hold no
        # question of that group, so such a task is trained as a whole.
        if not self.config.inner or len(task.groups) < 2:
            return [self._phase("train")]
        return [self._phase(self.spec.groups[g], group=g) for g in task.groups]


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Returns the means of the rows at which a mask is true.

    Args:
        hidden: (B, N, W).
        mask: bool (B, N).

    Returns:
        (B, W).
    """
    weight = mask.to(hidden.dtype)
    with full_precision(hidden):
        return (weight[:, None] @ hidden).squeeze(1) / weight.sum(1, keepdim=True).clamp(min=1)
