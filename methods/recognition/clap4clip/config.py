"""Hyper-parameters of CLAP4CLIP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...backbones.clip_config import ClipConfig
from ...common.checks import check_range
from ..logit_scale import check_logit_scale


@dataclass(frozen=True)
class Clap4ClipConfig:
    """Hyper-parameters of CLAP4CLIP. Defaults: the paper's."""

    backbone: ClipConfig = field(default_factory=ClipConfig)
    """The CLIP that is never trained."""

    logit_scale: float | Literal["clip"] = "clip"
    """What the cosines of pictures and classes are multiplied by: a number, or CLIP's own scale (``clip``).
    OpenAI's CLIPs have 100, the shipped ``world`` has 16. Range: above 0. Paper: clip."""

    samples: int = 20
    """Monte-Carlo samples M of each class's weight, in training and evaluation. Range: at least 1."""

    vga: bool = True
    """Whether the classes' text features are guided by the pictures of the batch: visual-guided attention,
    one layer of a transformer's decoder that all tasks share."""

    vga_heads: int | None = None
    """Heads of the attention, a divisor of the features' width. ``None`` is 1, and with learned prompts one
    per 64 of the width. Range: at least 1."""

    vga_ff: int = 2048
    """Width of the attention's feed-forward layer. Range: at least 1."""

    dropout: float = 0.1
    """Dropout of the attention, in training alone. Range: at least 0, below 1."""

    task_adapters: bool = True
    """Whether each task has a probabilistic adapter of its own, or all tasks share a single one."""

    prior: Literal["normal", "data_driven", "frozen"] = "normal"
    """What the divergence of an adapter's distribution is taken from: ``normal``, N(0, I); ``data_driven``,
    what the adapter gives for guidance by a random part of the batch; or ``frozen``, what it gives for the
    mean text feature."""

    context_share: float = 0.67
    """Part of the batch that guides the ``data_driven`` prior, rounded up to whole pictures. Range: above 0,
    at most 1."""

    kl_weight: float = 0.001
    """Weight of the divergence from the prior, summed over the width, mean over classes. A term of weight 0
    is not computed. Range: at least 0."""

    lasp_weight: float = 15.0
    """Weight of past-task distribution regularisation, by which a class's mean sample is to be recognised by
    its texts: gamma of the paper, beta of the released code. A term of weight 0 is not computed. Range: at
    least 0."""

    hierarchical: bool = False
    """Whether a global adapter stands before those of the tasks. Samples from it are added to the text
    features."""

    global_samples: int = 10
    """Samples that are drawn from the global adapter. There are M times as many in all. Range: at least 1."""

    distill_weight: float = 0.0
    """Weight of what keeps the global adapter's means near the previous task's. It needs ``hierarchical``. A
    term of weight 0 is not computed. Range: at least 0. Released code: 0, and 0.3 where the term is on."""

    ortho_weight: float = 0.0
    """Weight of what pushes the classes' mean samples apart. A term of weight 0 is not computed. Range: at
    least 0. Released code: 0, and 5 where the term is on."""

    task_tokens: bool = False
    """Whether the attention's queries hold a learned token a task. It needs ``vga``."""

    init: Literal["language_aware", "default"] = "language_aware"
    """Weights that a new adapter starts with: made from the texts of its classes (``language_aware``), or a
    linear layer's random ones."""

    init_statistic: Literal["std", "variance"] = "std"
    """The spread over templates that initial weights are made from: the standard deviation or the
    variance."""

    init_classes: Literal["new", "seen"] = "new"
    """The classes whose texts make initial weights: those of the ``new`` task, or all ``seen`` so far."""

    reset_shared: bool = False
    """Whether a single adapter for all tasks gets new initial weights at every task."""

    option_reading: Literal["paper", "reference"] = "paper"
    """The reading of the options beside the base method: ``task_tokens``, ``prompt`` ``coop``,
    ``hierarchical`` and ``distill_weight``. ``paper``: consolidation trains adapters alone; a divergence is a
    mean over classes; what is distilled is guided by the attention as it is now. ``reference``: consolidation
    trains tokens and contexts too; below a global adapter the divergence is a sum over a task's classes; the
    teacher is guided by the attention and the tokens of the previous task.
    """

    prompt: Literal["fixed", "coop"] = "fixed"
    """Prompts of the classes: the stream's ``fixed`` templates, or ``coop``, learned context tokens, with
    which the text tower runs in every step."""

    context_length: int = 12
    """Learned context tokens of prompt ``coop``. Range: at least 1."""

    task_contexts: bool = False
    """Whether prompt ``coop`` keeps a context a task and uses their mean, or has one for all tasks."""

    learning_rate: float = 1e-3
    """SGD's rate, without momentum or weight decay. After the warm-up it falls along a cosine to a thousandth
    in every task. Range: above 0."""

    warmup: float = 0.2
    """Share of a task's steps over which the rate rises linearly. The paper's is one epoch of five. Range: at
    least 0, below 1."""

    epochs: int = 5
    """Passes over the task's data and the memory. Range: at least 1."""

    replay: Literal["merge", "paired"] = "merge"
    """How the memory is mixed in while a task's adapter is trained: ``merge``, its pictures join the task's,
    one set, or ``paired``, each step on the task is followed by one on a batch of the memory, twice as many
    steps. Paper: merge."""

    consolidation_epochs: int = 2
    """Passes over the memory that follow, from the second task on, and train all adapters. Range: at least
    0."""

    consolidation_factor: float = 0.1
    """The rate of these passes over ``learning_rate``. Range: above 0."""

    batch_size: int = 64
    """Pictures in a step, over all workers, and pictures that are scored together in evaluation, on which
    the scores depend. Range: at least 1."""

    last_batch: Literal["drop", "keep"] = "drop"
    """The pictures that are left at the end of an epoch: with ``drop`` they are left out, other ones in each
    epoch; with ``keep`` they make a smaller batch. Released code: keep.
    """

    half_precision: bool = False
    """Whether everything that is learnt, and all that is computed of it, is in 16-bit floats, without a
    scaled loss. A large logit or divergence may then not be finite, and small initial weights are 0. The
    frozen CLIP stays as it is. Released code: true."""

    def __post_init__(self) -> None:
        for name in ("samples", "vga_ff", "global_samples", "context_length", "epochs", "batch_size"):
            check_range(name, getattr(self, name), 1)
        if self.vga_heads is not None:
            check_range("vga_heads", self.vga_heads, 1)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        check_range("context_share", self.context_share, 0, 1, open_low=True)
        for term in ("kl", "lasp", "distill", "ortho"):
            check_range(f"{term}_weight", getattr(self, f"{term}_weight"), 0)
        check_logit_scale(self.logit_scale)
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("warmup", self.warmup, 0, 1, open_high=True)
        check_range("consolidation_epochs", self.consolidation_epochs, 0)
        check_range("consolidation_factor", self.consolidation_factor, 0, open_low=True)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r} must be one of {', '.join(allowed)}")
        if self.distill_weight and not self.hierarchical:
            raise ValueError(
                f"distill_weight {self.distill_weight} needs hierarchical: the global adapter is distilled"
            )
        if not self.vga:
            if self.task_tokens:
                raise ValueError("task_tokens true needs vga: tokens are among the attention's queries")
            if self.prior == "data_driven":
                raise ValueError("prior 'data_driven' needs vga: allowed without it are normal, frozen")


_CHOICES = {
    "prior": ("normal", "data_driven", "frozen"),
    "init": ("language_aware", "default"),
    "init_statistic": ("std", "variance"),
    "init_classes": ("new", "seen"),
    "prompt": ("fixed", "coop"),
    "option_reading": ("paper", "reference"),
    "last_batch": ("drop", "keep"),
    "replay": ("merge", "paired"),
}
