"""CLAP4CLIP: continual learning with probabilistic finetuning (Jha et al., NeurIPS 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...common import distributed
from ...common.precision import full_precision
from ...common.schedule import warmup_cosine
from ...method import Batch, Phase, Scenario, Task
from .attention import VisualGuidedAttention
from .distributions import Noise, Posterior
from .growing import GrowingAdapters
from .terms import distillation, divergences, regularisations

_FINAL_RATE = 1e-3  # of the base rate, in both phases


class Clap4Clip(GrowingAdapters):
    """Probabilistic adapters on a frozen CLIP, one a task, guided by the pictures of the batch.

    Class weights are w = z + u. The text features u are guided by the pictures. z is drawn from a
    distribution that the adapter of the class's task gives for u.

    Phase ``adapt`` trains the attention and the newest adapter on the task and the memory. From the second
    task on, phase ``consolidate`` trains all adapters on the memory; the attention is frozen then, without
    dropout.

    Class features depend on the other pictures of a batch, in evaluation too. In training the batch is the
    global one, whatever the number of ranks. What is drawn is a function of ``Batch.seed`` and of the kind of
    device on which it is drawn; dropout alone is each rank's own. Classes that have not been learnt are
    scored by their frozen text feature. What is trained is small: everything is computed in full precision
    whatever autocast says, or, with ``half_precision``, in 16-bit floats.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"recognition"})
    frozen = frozenset({"image", "text"})
    presets = {
        "paper": {},
        "reference": {
            "batch_size": 32,
            "learning_rate": 1.6e-3,  # 1e-3, times the batch over 20
            "warmup": 0.3,
            "init_statistic": "variance",
            "init_classes": "seen",
            "reset_shared": True,
            "last_batch": "keep",
            "option_reading": "reference",
        },
    }

    @property
    def eval_batch_size(self) -> int | None:
        return self.config.batch_size if self.vga is not None else None

    def phases(self, task: Task) -> Sequence[Phase]:
        c = self.config
        rising = partial(warmup_cosine, warmup=c.warmup, floor=_FINAL_RATE)
        last = c.last_batch == "keep"
        phases = [
            Phase("adapt", c.epochs, c.batch_size, self._adapt, rising, replay=c.replay, keep_last=last)
        ]
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
                    keep_last=last,
                )
            )
        return phases

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        with full_precision(batch.feature):
            return self._terms(batch, adapting=phase.name == "adapt")

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        self.teacher = self.teacher_vga = self.teacher_tokens = None

    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        if kind != "image":
            raise ValueError(f"kind {kind!r}: recognition has pictures alone, allowed is image")
        return batch.feature

    @torch.no_grad()
    def predict(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            weights = self._drawn_weights(batch)
            # Logits are linear in the class weights: the mean over the samples may be taken before them.
            mean = None if weights is None else weights.mean(0, keepdim=True)
            return self._scored(batch, mean, classes).squeeze(0).to(batch.feature)

    @torch.no_grad()
    def sample(self, batch: Batch, classes: range) -> Tensor:
        with full_precision(batch.feature):
            return self._scored(batch, self._drawn_weights(batch), classes).to(batch.feature)

    @torch.no_grad()
    def class_features(self, batch: Batch, classes: range) -> Tensor:
        """mean + u, (len(classes), D), not normalised. The global adapter counts with its mean. That is the
        expected value unless a layer norm follows.
        """
        if not self._classes:
            return self._text[classes.start : classes.stop].to(batch.feature)
        with full_precision(batch.feature):
            plain = self._guided(batch.feature.to(self._text))
            shared = self.global_adapter
            expected = plain if shared is None else plain + shared(plain.unsqueeze(0))[0].squeeze(0)
            mean, _ = self.adapters(expected.unsqueeze(0))
            return self._with_unlearnt((mean + expected), classes).squeeze(0).to(batch.feature)

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
        # Only the newest task's distributions are regularised while its adapter alone is trained.
        classes = slice(self._newest.start if adapting else 0, self._classes)
        logits = self._logits(own, self._weights(posterior, noise))
        labels = batch.label.repeat_interleave(logits.shape[1])
        terms = {"cross_entropy": F.cross_entropy(logits.flatten(0, 1), labels)}
        share = self._share[classes]
        terms |= regularisations(
            c,
            posterior,
            noise,
            classes,
            text=self._mean_text[: self._classes],
            share=share,
            blocked=self._blocked[classes, classes],
        )
        if c.kl_weight:
            prior, shared_prior = self._priors(posterior, image, generator, classes)
            # The released code's mean over the first axis is then that over the global adapter's samples.
            summed = c.hierarchical and c.option_reading == "reference"
            each = torch.ones_like(share) if summed else share
            terms |= divergences(c.kl_weight, posterior, classes, each, prior, shared_prior)
        if self.teacher is not None:
            past = posterior.plain[: self._newest.start].unsqueeze(0)
            asked = past if self.teacher_vga is None else self._taught(self.teacher_vga, image)
            terms["distill"] = c.distill_weight * distillation(self.teacher, self.global_adapter, past, asked)
        return terms

    def _generator(self, batch: Batch) -> torch.Generator:
        """A generator on the device, seeded by the batch. On the CPU, drawing M C D numbers would take longer
        than a step takes on a GPU.

        Classes are not shared out among ranks: each draws all of them, the same on GPUs of one kind.
        """
        return torch.Generator(self._text.device).manual_seed(batch.seed)

    def _noise(self, generator: torch.Generator) -> Noise:
        c, classes, width = self.config, self._classes, self.spec.width
        if not c.hierarchical:
            return Noise(self._normal(generator, c.samples, 1, classes, width), None)
        shared = self._normal(generator, c.global_samples, classes, width)
        return Noise(self._normal(generator, c.samples, c.global_samples, classes, width), shared)

    def _normal(self, generator: torch.Generator, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=self._text.dtype, device=self._text.device)

    def _drawn_weights(self, batch: Batch) -> Tensor | None:
        """z + u of every sample, (M * L, C, D), of the learnt classes; None where there are none."""
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

    @torch.no_grad()
    def _taught(self, attention: VisualGuidedAttention, image: Tensor) -> Tensor:
        """u (1, C, D) of the past tasks' classes, guided by the attention of the previous task."""
        past = self._newest.start
        text = self._text[:past] if self.prompts is None else self.prompts(past)
        return (text + attention.eval()(text, image, self.teacher_tokens)).unsqueeze(0)

    def _posterior(self, image: Tensor, noise: Noise) -> Posterior:
        return Posterior.of(self._guided(image), self.adapters, self.global_adapter, noise)

    def _weights(self, posterior: Posterior, noise: Noise) -> Tensor:
        """z + u of every sample, (M * L, C, D)."""
        return posterior.weights(noise)

    def _logits(self, image: Tensor, weights: Tensor) -> Tensor:
        """(B, M, C) of pictures (B, D) and class weights (M, C, D): one matrix product."""
        return (self.spec.scale * image @ weights.flatten(0, 1).mT).unflatten(1, weights.shape[:2])

    def _scored(self, batch: Batch, weights: Tensor | None, classes: range) -> Tensor:
        """Logits (M, B, len(classes)); ``weights`` None where nothing has been learnt."""
        rows = self._with_unlearnt(weights, classes)
        return self._logits(batch.feature.to(self._text), rows).transpose(0, 1)

    def _with_unlearnt(self, rows: Tensor | None, classes: range) -> Tensor:
        """The rows (M, len(classes), D) of ``classes`` out of those of all learnt ones (M, C, D)."""
        unlearnt = self._text[max(classes.start, self._classes) : classes.stop]
        if rows is None:
            return unlearnt.unsqueeze(0)
        learnt = rows[:, classes.start : classes.stop]
        return torch.cat([learnt, unlearnt.expand(len(rows), -1, -1)], dim=1) if len(unlearnt) else learnt

    def _priors(
        self, posterior: Posterior, image: Tensor, generator: torch.Generator, classes: slice
    ) -> tuple[tuple[Tensor, ...] | None, tuple[Tensor, Tensor] | None]:
        """Mean and deviation of the priors of ``classes`` and of the global adapter; None: N(0, I)."""
        text = self._prior_text(image, generator)
        if text is None:
            return None, None
        prior = tuple(p[:, classes] for p in self.adapters(text))
        return prior, None if posterior.shared is None else self.global_adapter(text)

    def _prior_text(self, image: Tensor, generator: torch.Generator) -> Tensor | None:
        """The features (1, C, D) whose distribution is the prior; None for N(0, I)."""
        c = self.config
        if c.prior == "normal":
            return None
        if c.prior == "frozen":
            return self._mean_text[: self._classes].unsqueeze(0)
        order = torch.randperm(len(image), generator=generator, device=image.device)
        context = order[: math.ceil(c.context_share * len(image))]
        return self._guided(image[context]).unsqueeze(0)
