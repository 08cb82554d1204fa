"""CLAP4CLIP: continual learning with probabilistic finetuning (Jha et al., NeurIPS 2024)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...backbones.clip_config import ClipConfig
from ...common import distributed
from ...common.checks import check_range
from ...common.precision import full_precision
from ...common.schedule import warmup_cosine
from ...common.task_parameters import TaskParameters
from ...method import Batch, ClassSpec, Method, Phase, Scenario, Task
from ..learned_prompts import LearnedPrompts
from .adapters import ProbabilisticAdapters
from .attention import VisualGuidedAttention
from .language_init import language_aware_weights
from .losses import gaussian_divergence, language_regularisation
from .task_mask import task_mask

_FINAL_RATE = 1e-3  # the final share of the base rate, in both phases
_TOKEN_DEVIATION = 0.02


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


class _Noise(NamedTuple):
    """Standard normal noise: ``task`` (M, L, C, D) and ``shared`` (L, C, D).

    Without the global adapter L is 1 and ``shared`` is None.
    """

    task: Tensor
    shared: Tensor | None


class _Posterior(NamedTuple):
    """The distributions of all learnt classes, given one batch.

    ``guided`` is u (L, C, D) together with what was drawn from the global adapter. ``mean`` and
    ``deviation``, (L, C, D), are the task adapters'. ``shared`` is the global adapter's mean and deviation
    (C, D). ``plain`` is u without the global adapter (C, D).
    """

    plain: Tensor
    guided: Tensor
    mean: Tensor
    deviation: Tensor
    shared: tuple[Tensor, Tensor] | None


class Clap4Clip(Method):
    """Probabilistic adapters on a frozen CLIP, one a task, guided by the pictures of the batch.

    Class weights are w = z + u. u are text features guided by the pictures. z is drawn from a distribution
    that the adapter of the class's task gives for u.

    Phase ``adapt`` trains the attention and the newest adapter on the task and the memory. Phase
    ``consolidate``, from the second task on, trains all adapters on the memory; the attention is then frozen
    and without dropout.

    Class features depend on the other pictures of a batch, in evaluation too. In training the batch is the
    global one, whatever the number of ranks. What is drawn is a function of ``Batch.seed`` and of the kind of
    device on which it is drawn; dropout alone is each rank's own. Classes that have not been learnt are
    scored by their frozen text feature. Everything is computed in full precision whatever autocast says,
    since what is trained is small.

    Args:
        config: The hyper-parameters.
        spec: The stream's classes.
        clip: With learned prompts, the CLIP whose text tower encodes them (see
            :class:`~methods.recognition.learned_prompts.LearnedPrompts`); None: ``config.backbone`` is
            loaded.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"recognition"})
    frozen = frozenset({"image", "text"})
    Config = Clap4ClipConfig
    presets = {
        "paper": {},
        "reference": {
            "batch_size": 32,
            "learning_rate": 1.6e-3,  # 1e-3, times the batch over 20
            "warmup": 0.3,
            "init_statistic": "variance",
            "init_classes": "seen",
            "reset_shared": True,
        },
    }

    def __init__(self, config: Clap4ClipConfig, spec: ClassSpec, clip: nn.Module | None = None) -> None:
        super().__init__(config, spec)
        c, width, coop = config, spec.width, config.prompt == "coop"
        heads = c.vga_heads or (max(1, width // 64) if coop else 1)
        if c.vga and width % heads:
            raise ValueError(f"vga_heads {heads} does not divide the features' width of {width}")
        mean = spec.text.mean(1)
        self.register_buffer("_mean_text", mean, persistent=False)
        self.register_buffer("_text", F.normalize(mean, dim=-1), persistent=False)
        self.register_buffer("sizes", torch.empty(0, dtype=torch.long))
        self.vga = VisualGuidedAttention(width, heads, c.vga_ff, c.dropout, c.task_tokens) if c.vga else None
        self.tokens = TaskParameters(width) if c.task_tokens else None
        self.adapters = ProbabilisticAdapters(width, norm=coop)
        self.global_adapter: ProbabilisticAdapters | None = None
        self.teacher: ProbabilisticAdapters | None = None
        if c.hierarchical:
            self.global_adapter = ProbabilisticAdapters(width, norm=coop)
            self.global_adapter.grow(None)
        self.prompts: LearnedPrompts | None = None
        if coop:
            if clip is None:
                # open_clip takes seconds to import. Only learned prompts need it.
                from ...backbones.clip import load_clip

                clip = load_clip(c.backbone)
            self.prompts = LearnedPrompts(clip, spec.names, c.context_length, c.task_contexts)
        self.register_buffer("_blocked", torch.empty(0, 0, dtype=torch.bool), persistent=False)
        self.register_buffer("_share", torch.empty(0), persistent=False)
        self._classes = 0
        self._newest = range(0)

    @property
    def eval_batch_size(self) -> int | None:
        return self.config.batch_size if self.vga is not None else None

    def start_task(self, task: Task) -> None:
        c = self.config
        if task.classes.start != self._classes or not len(task.classes):
            raise ValueError(
                f"task {task.index} brings the classes {task.classes}, which do not follow the "
                f"{self._classes} learnt"
            )
        if self._classes and self.global_adapter is not None and c.distill_weight:
            self.teacher = copy.deepcopy(self.global_adapter).requires_grad_(False)
        first = not self._classes
        if first or c.task_adapters:
            self.adapters.grow(self._initial_weight(task.classes))
        elif c.reset_shared:
            self.adapters.reset(self._initial_weight(task.classes))
        if self.tokens is not None:
            self.tokens.grow(torch.empty(self.spec.width).normal_(0, _TOKEN_DEVIATION))
        if self.prompts is not None:
            self.prompts.start_task()
        self.sizes = torch.cat([self.sizes, self.sizes.new_tensor([len(task.classes)])])
        self._arrange()

    def phases(self, task: Task) -> Sequence[Phase]:
        c = self.config
        rising = partial(warmup_cosine, warmup=c.warmup, floor=_FINAL_RATE)
        phases = [Phase("adapt", c.epochs, c.batch_size, self._adapt, rising)]
        if task.index > 0 and c.consolidation_epochs:
            falling = partial(warmup_cosine, warmup=0.0, floor=_FINAL_RATE)
            phases.append(
                Phase(
                    "consolidate",
                    c.consolidation_epochs,
                    c.batch_size,
                    self._consolidate,
                    falling,
                    data="memory",
                    replay="none",
                )
            )
        return phases

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        with full_precision(batch.feature):
            return self._terms(batch, adapting=phase.name == "adapt")

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        self.teacher = None

    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        if kind != "image":
            raise ValueError(f"kind {kind!r}: recognition has pictures alone, allowed is image")
        return batch.feature

    @torch.no_grad()
    def predict(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            weights = self._drawn_weights(batch)
            # Logits are linear in the class weights, so the mean over the samples may be taken before them.
            mean = None if weights is None else weights.mean(0, keepdim=True)
            return self._scored(batch, mean, classes).squeeze(0)

    @torch.no_grad()
    def sample(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            return self._scored(batch, self._drawn_weights(batch), classes)

    @torch.no_grad()
    def class_features(self, batch: Batch, classes: range) -> Tensor:
        """Returns mean + u, (len(classes), D), not normalised.

        With the global adapter it is taken at the mean of what is drawn from that adapter. This is the
        expected value, unless a layer norm follows.
        """
        if not self._classes:
            return self._text[classes.start : classes.stop]
        with full_precision(batch.feature):
            plain = self._guided(batch.feature.to(self._text))
            shared = self.global_adapter
            expected = plain if shared is None else plain + shared(plain.unsqueeze(0))[0].squeeze(0)
            mean, _ = self.adapters(expected.unsqueeze(0))
            return self._with_unlearnt((mean + expected), classes).squeeze(0)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args) -> None:
        saved = state_dict.get(prefix + "sizes")
        if saved is not None:
            self.sizes = self.sizes.new_empty(saved.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._arrange()

    def _arrange(self) -> None:
        """Computes what follows from the number of classes of each task."""
        sizes = self.sizes.tolist()
        self._classes = sum(sizes)
        if not sizes:
            return
        self._newest = range(self._classes - sizes[-1], self._classes)
        device = self._text.device
        count = torch.tensor(sizes)
        self._share = (1 / count.to(self._text.dtype)).repeat_interleave(count).to(device)
        self._blocked = task_mask(sizes, tokens=False).to(device)
        self.adapters.arrange(sizes if self.config.task_adapters else [self._classes])
        if self.vga is not None:
            self.vga.arrange(sizes)

    def _initial_weight(self, classes: range) -> Tensor | None:
        c = self.config
        if c.init == "default":
            return None
        start = classes.start if c.init_classes == "new" else 0
        return language_aware_weights(self.spec.text[start : classes.stop], c.init_statistic)

    def _adapt(self) -> torch.optim.Optimizer:
        trained = self._train_only(past=False)
        if self.vga is not None:
            trained += self.vga.requires_grad_(True).parameters()
        for growing in (self.tokens, self.prompts and self.prompts.context):
            if growing is not None:
                trained.append(growing.new.requires_grad_(True))
        return torch.optim.SGD(trained, lr=self.config.learning_rate)

    def _consolidate(self) -> torch.optim.Optimizer:
        trained = self._train_only(past=self.config.task_adapters)
        return torch.optim.SGD(trained, lr=self.config.learning_rate * self.config.consolidation_factor)

    def _train_only(self, *, past: bool) -> list[nn.Parameter]:
        """Freezes all but the newest adapter, the global adapter and, with ``past``, the older adapters.

        Returns the parameters of those that are trained.
        """
        self.requires_grad_(False)
        trained = self.adapters.train_only(past=past, new=True)
        if self.global_adapter is not None:
            trained += self.global_adapter.train_only(past=False, new=True)
        return trained

    def _terms(self, batch: Batch, *, adapting: bool) -> dict[str, Tensor]:
        """The terms of :meth:`loss`."""
        c = self.config
        if self.vga is not None:
            self.vga.train(self.training and adapting)
        generator = self._generator(batch)
        noise = self._noise(generator)
        own = batch.feature.to(self._text)
        image = distributed.all_gather(own)
        posterior = self._posterior(image, noise)
        # While the newest adapter alone is trained, only the newest task's distributions are regularised.
        classes = slice(self._newest.start if adapting else 0, self._classes)
        logits = self._logits(own, self._weights(posterior, noise))
        labels = batch.label.repeat_interleave(logits.shape[1])
        terms = {"cross_entropy": F.cross_entropy(logits.flatten(0, 1), labels)}
        text, share = self._mean_text[: self._classes], self._share[classes]
        drawn = torch.addcmul(posterior.mean, posterior.deviation, noise.task.mean(0)).mean(0)
        if c.lasp_weight:
            blocked = self._blocked[classes, classes]
            lasp = language_regularisation(text[classes], drawn[classes], blocked)
            terms["lasp"] = c.lasp_weight * (share * lasp).sum()
            if posterior.shared is not None:
                drawn_shared = torch.addcmul(*posterior.shared, noise.shared.mean(0))
                lasp = language_regularisation(text, drawn_shared)
                terms["global_lasp"] = c.lasp_weight * lasp.mean()
        if c.ortho_weight:
            terms["ortho"] = c.ortho_weight * language_regularisation(drawn, drawn).mean()
        if c.kl_weight:
            terms |= self._divergences(posterior, image, generator, classes)
        if self.teacher is not None:
            terms["distill"] = c.distill_weight * self._distillation(posterior.plain)
        return terms

    def _generator(self, batch: Batch) -> torch.Generator:
        """A generator on the device, seeded by the batch.

        Drawing M C D numbers a step would take the CPU longer than the whole step takes a GPU. Classes are
        not divided among ranks: each rank draws all of them, and draws the same on GPUs of one kind.
        """
        return torch.Generator(self._text.device).manual_seed(batch.seed)

    def _noise(self, generator: torch.Generator) -> _Noise:
        c, classes, width = self.config, self._classes, self.spec.width
        if not c.hierarchical:
            return _Noise(self._normal(generator, c.samples, 1, classes, width), None)
        shared = self._normal(generator, c.global_samples, classes, width)
        return _Noise(self._normal(generator, c.samples, c.global_samples, classes, width), shared)

    def _normal(self, generator: torch.Generator, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=self._text.dtype, device=self._text.device)

    def _drawn_weights(self, batch: Batch) -> Tensor | None:
        """z + u of every sample, (M * L, C, D), of the learnt classes; None where no class has
        been learnt.
        """
        if not self._classes:
            return None
        noise = self._noise(self._generator(batch))
        return self._weights(self._posterior(batch.feature.to(self._text), noise), noise)

    def _guided(self, image: Tensor) -> Tensor:
        """u (C, D) of the learnt classes, without the global adapter."""
        text = self._text[: self._classes] if self.prompts is None else self.prompts(self._classes)
        if self.vga is None:
            return text
        tokens = None if self.tokens is None else torch.cat([self.tokens.past, self.tokens.new])
        return text + self.vga(text, image, tokens)

    def _posterior(self, image: Tensor, noise: _Noise) -> _Posterior:
        plain = self._guided(image)
        guided, shared = plain.unsqueeze(0), None
        if self.global_adapter is not None:
            mean, deviation = self.global_adapter(guided)
            shared = mean.squeeze(0), deviation.squeeze(0)
            guided = guided + torch.addcmul(mean, deviation, noise.shared)
        return _Posterior(plain, guided, *self.adapters(guided), shared)

    def _weights(self, posterior: _Posterior, noise: _Noise) -> Tensor:
        """z + u of every sample, (M * L, C, D)."""
        return torch.addcmul(posterior.mean + posterior.guided, posterior.deviation, noise.task).flatten(0, 1)

    def _logits(self, image: Tensor, weights: Tensor) -> Tensor:
        """Logits (B, M, C) of pictures (B, D) and class weights (M, C, D), by one matrix product."""
        return (self.spec.scale * image @ weights.flatten(0, 1).mT).unflatten(1, weights.shape[:2])

    def _scored(self, batch: Batch, weights: Tensor | None, classes: range) -> Tensor:
        """Logits (M, B, len(classes)); ``weights`` is None where nothing has been learnt."""
        rows = self._with_unlearnt(weights, classes)
        return self._logits(batch.feature.to(self._text), rows).transpose(0, 1)

    def _with_unlearnt(self, rows: Tensor | None, classes: range) -> Tensor:
        """The rows (M, len(classes), D) of ``classes``, from the rows of all learnt classes (M, C, D) and
        frozen texts.
        """
        unlearnt = self._text[max(classes.start, self._classes) : classes.stop]
        if rows is None:
            return unlearnt.unsqueeze(0)
        learnt = rows[:, classes.start : classes.stop]
        return torch.cat([learnt, unlearnt.expand(len(rows), -1, -1)], dim=1) if len(unlearnt) else learnt

    def _divergences(
        self, posterior: _Posterior, image: Tensor, generator: torch.Generator, classes: slice
    ) -> dict[str, Tensor]:
        """The KL terms of the tasks that ``classes`` span, and of the global adapter."""
        text = self._prior_text(image, generator)
        prior = None if text is None else tuple(p[:, classes] for p in self.adapters(text))
        weight = self.config.kl_weight
        kl = gaussian_divergence(posterior.mean[:, classes], posterior.deviation[:, classes], prior)
        terms = {"kl": weight * (self._share[classes] * kl.mean(0)).sum()}
        if posterior.shared is not None:
            prior = None if text is None else self.global_adapter(text)
            terms["global_kl"] = weight * gaussian_divergence(*posterior.shared, prior).mean()
        return terms

    def _prior_text(self, image: Tensor, generator: torch.Generator) -> Tensor | None:
        """The features (1, C, D) whose distribution is the prior; None for N(0, I)."""
        c = self.config
        if c.prior == "normal":
            return None
        if c.prior == "frozen":
            return self._mean_text[: self._classes].unsqueeze(0)
        order = torch.randperm(len(image), generator=generator, device=image.device)
        context = order[: max(1, int(c.context_share * len(image)))]
        return self._guided(image[context]).unsqueeze(0)

    def _distillation(self, plain: Tensor) -> Tensor:
        """The mean squared change of the global adapter's means since the previous task, over that task's
        classes.
        """
        text = plain[: self._newest.start].unsqueeze(0)
        with torch.no_grad():
            wanted, _ = self.teacher(text)
        mean, _ = self.global_adapter(text)
        return F.mse_loss(mean, wanted)
