"""Hyper-parameters of CLAP4CLIP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...backbones.clip_config import ClipConfig
from ...common.checks import check_range


@dataclass(frozen=True)
class Clap4ClipConfig:
    """Hyper-parameters of CLAP4CLIP. Defaults: the paper's.

    ``samples``: Monte-Carlo samples M, >= 1. ``vga``: visual-guided attention, with ``vga_heads`` (None: 1,
    and with learned prompts one per 64 of the width), a feed-forward width of ``vga_ff`` and ``dropout`` in
    [0, 1). ``task_adapters``: one probabilistic adapter a task, or a single one for all tasks.

    ``kl_weight``: of the divergence from the ``prior``: N(0, I); ``data_driven``, what the adapter gives for
    visual guidance by a random ``context_share`` in (0, 1] of the batch; or ``frozen``, what it gives for
    the mean text feature. ``lasp_weight``: past-task distribution regularisation (the paper's gamma, beta of
    the released code). Weights are >= 0; a term of weight 0 is not computed.

    ``hierarchical``: a global adapter before those of the tasks, drawn from ``global_samples`` times;
    ``distill_weight`` keeps its means near the previous task's (0.3 in the released code, where it is on).
    ``ortho_weight``: pushes the classes' mean samples apart (5, where it is on). ``task_tokens``: a learned
    token a task in the attention.

    ``init``: weights of a new adapter from the texts of its classes, or a linear layer's random ones.
    ``prompt``: ``fixed`` templates, or ``coop``, ``context_length`` learned context tokens, one context for
    all tasks or the mean of one a task (``task_contexts``).

    ``learning_rate``: SGD's, without momentum or weight decay; a linear rise over the share ``warmup`` of a
    task's steps, in [0, 1), then a cosine to a thousandth. ``epochs``: passes over the task's data and the
    memory; then, from the second task on, ``consolidation_epochs`` over the memory at
    ``consolidation_factor`` times the rate. ``batch_size``: pictures a step over all ranks, and pictures
    scored together in evaluation.

    Readings where paper and released code differ. ``init_statistic``: the spread over templates is the
    standard deviation (paper) or the ``variance`` (code). ``init_classes``: the classes of the ``new`` task
    or all ``seen`` so far (code). ``reset_shared``: a single adapter for all tasks gets new initial weights
    at every task (code). Batch, learning rate and warm-up differ too: see ``presets``.
    """

    backbone: ClipConfig = field(default_factory=ClipConfig)
    samples: int = 20
    vga: bool = True
    vga_heads: int | None = None
    vga_ff: int = 2048
    dropout: float = 0.1
    task_adapters: bool = True
    prior: Literal["normal", "data_driven", "frozen"] = "normal"
    context_share: float = 0.67
    kl_weight: float = 0.001
    lasp_weight: float = 15.0
    hierarchical: bool = False
    global_samples: int = 10
    distill_weight: float = 0.0
    ortho_weight: float = 0.0
    task_tokens: bool = False
    init: Literal["language_aware", "default"] = "language_aware"
    init_statistic: Literal["std", "variance"] = "std"
    init_classes: Literal["new", "seen"] = "new"
    reset_shared: bool = False
    prompt: Literal["fixed", "coop"] = "fixed"
    context_length: int = 12
    task_contexts: bool = False
    learning_rate: float = 1e-3
    warmup: float = 0.2
    epochs: int = 5
    consolidation_epochs: int = 2
    consolidation_factor: float = 0.1
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("samples", "vga_ff", "global_samples", "context_length", "epochs", "batch_size"):
            check_range(name, getattr(self, name), 1)
        if self.vga_heads is not None:
            check_range("vga_heads", self.vga_heads, 1)
        check_range("dropout", self.dropout, 0, 1, open_high=True)
        check_range("context_share", self.context_share, 0, 1, open_low=True)
        for term in ("kl", "lasp", "distill", "ortho"):
            check_range(f"{term}_weight", getattr(self, f"{term}_weight"), 0)
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
}
