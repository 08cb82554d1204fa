"""CTP: compatible momentum contrast and topology preservation (Zhu et al., ICCV 2023)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..common import distributed
from ..common.checks import check_range
from ..common.precision import full_precision
from ..method import Batch, InputSpec, Pass, Phase, Task
from .base import MaskedTokens, RetrievalConfig, RetrievalMethod, gather_pair, masked_mean
from .feature_queue import FeatureQueue
from .losses.contrast import symmetric_contrast
from .losses.distillation import mlm_distillation
from .losses.topology import topology_divergence
from .momentum import momentum_update


@dataclass(frozen=True)
class CTPConfig(RetrievalConfig):
    """Hyper-parameters of CTP. Defaults: the paper's."""

    distill_temperature: float = 1.0
    """What the logits of both models are divided by where words are distilled. Range: above 0."""

    queue_size: int = 1024
    """Past momentum features of each kind that a feature is contrasted with, beside the batch's. It is 0 or a
    multiple of ``batch_size``. Range: at least 0."""

    momentum_first: float = 0.995
    """m of the momentum model in the first task: c <- m c + (1 - m) w, with the student w. Range: 0 to 1."""

    momentum: float = 0.9
    """m of the momentum model in the later tasks: c <- m c + (1 - m)(a r + (1 - a) w), with the previous
    task's model r and the student w. Range: 0 to 1."""

    momentum_mix: float = 0.5
    """a of the momentum model in the later tasks, the previous task's part: 0 forgets it, 1 leaves the
    student out. Range: 0 to 1."""

    contrast_weight: float = 1.0
    """Weight of compatible momentum contrast, against the momentum features of the batch and of the queue. A
    term of weight 0 is not computed. Range: at least 0."""

    mlm_distill_weight: float = 1.0
    """Weight of the distillation of the momentum model's word distributions. A term of weight 0 is not
    computed. Range: at least 0."""

    topology_cross_weight: float = 1.0
    """Weight of topology preservation between modalities, against the previous task's model; from the second
    task on. A term of weight 0 is not computed. Range: at least 0."""

    topology_same_weight: float = 1.0
    """Weight of topology preservation within modalities, against the previous task's model; from the second
    task on. A term of weight 0 is not computed. Range: at least 0."""

    mask_own: bool = True
    """Whether a sample's similarity to itself is suppressed in topology preservation within modalities, as in
    paper and released code ("suppress the same-modality maximum"). Off is the paper's ablation."""

    replay: Literal["merge", "paired"] = "merge"
    """How CTP-ER mixes the memory in: ``merge``, its pairs join the task's, one set, or ``paired``, each step
    on the task is followed by one on a batch of the memory, twice as many steps. Paper: merge."""

    consolidation_epochs: int = 0
    """Passes over the memory alone that end a task, from the second on. The memory holds the task by then.
    Optimiser, rate and schedule are the task's, begun anew. Range: at least 0. Paper: 0."""

    contrast_keys: Literal["global", "local"] = "global"
    """Where the momentum contrast takes its in-batch keys from: the ``global`` batch, as image-text alignment
    does, or the worker's own share of it (``local``). With ``micro_batch_size`` a micro-batch counts as such
    a share: micro-batches of 128 on one GPU are as four workers of 128."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("distill_temperature", self.distill_temperature, 0, open_low=True)
        check_range("queue_size", self.queue_size, 0)
        check_range("consolidation_epochs", self.consolidation_epochs, 0)
        if self.queue_size % self.batch_size:
            raise ValueError(
                f"queue_size {self.queue_size} is not a multiple of batch_size {self.batch_size}"
            )
        for name in ("momentum_first", "momentum", "momentum_mix"):
            check_range(name, getattr(self, name), 0, 1)
        for term in ("contrast", "mlm_distill", "topology_cross", "topology_same"):
            check_range(f"{term}_weight", getattr(self, f"{term}_weight"), 0)
        if self.contrast_keys not in ("global", "local"):
            raise ValueError(f"contrast_keys {self.contrast_keys!r} must be one of global, local")
        if self.replay not in ("merge", "paired"):
            raise ValueError(f"replay {self.replay!r} must be one of merge, paired")

    def _first_task_weights(self) -> tuple[float, ...]:
        return *super()._first_task_weights(), self.contrast_weight, self.mlm_distill_weight


class CTP(RetrievalMethod):
    """Image-text alignment and MLM, kept compatible with the past by two teachers.

    The momentum model is an average of the student and, from the second task on, of the previous task's
    model. It gives the keys of a contrast with a queue, and word distributions to distil. The reference model
    is the previous task's student. It gives the similarities that topology preservation keeps. Both teachers
    live for one task. CTP is memory-free; with a replay memory it is CTP-ER.

    Args:
        config: The hyper-parameters.
        spec: The sizes of the inputs.
        model: As of :class:`~methods.retrieval.base.RetrievalMethod`.
    """

    Config = CTPConfig
    presets = {"paper": {}, "reference": {"contrast_keys": "local"}}

    def __init__(self, config: CTPConfig, spec: InputSpec, model: nn.Module | None = None) -> None:
        super().__init__(config, spec, model)
        self.queue = FeatureQueue(config.queue_size, config.embed_dim)
        self.momentum_model: nn.Module | None = None
        self.reference_model: nn.Module | None = None
        self._later = False

    def start_task(self, task: Task) -> None:
        c = self.config
        self._later = task.index > 0
        self._topology = self._later and c.topology_cross_weight + c.topology_same_weight > 0
        self._fusion = c.mlm_weight + c.mlm_distill_weight > 0
        self._alignment = c.ita_weight + c.contrast_weight > 0 or self._topology
        self.model.set_trained(alignment=self._alignment, fusion=self._fusion)
        if c.contrast_weight + c.mlm_distill_weight > 0:
            self.momentum_model = copy.deepcopy(self.model).requires_grad_(False)
        if self._topology or (self._later and self.momentum_model is not None):
            self.reference_model = copy.deepcopy(self.model).requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> CTP:
        """Sets training mode for the student. Teachers stay in eval mode, without dropout.

        In the released code the first momentum model is a copy of a BERT that ``from_pretrained`` left in
        eval mode, and later ones are copied after an evaluation.
        """
        super().train(mode)
        if self.momentum_model is not None:
            self.momentum_model.eval()
        if self.reference_model is not None:
            self.reference_model.eval()
        return self

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        c = self.config
        (own,) = (phase for phase in super().phases(task) if isinstance(phase, Phase))
        phases = [replace(own, replay=c.replay)]
        if task.index > 0 and c.consolidation_epochs:
            how = {"epochs": c.consolidation_epochs, "data": "memory", "replay": "none"}
            phases.append(replace(own, name="consolidate", **how))
        return phases

    @torch.no_grad()
    def before_step(self, phase: Phase) -> None:
        """Updates the momentum model before its forward pass, as the released code does."""
        if self.momentum_model is None:
            return
        c = self.config
        target, current = self.momentum_model.parameters(), self.model.parameters()
        if self._later:
            momentum_update(target, current, c.momentum, self.reference_model.parameters(), c.momentum_mix)
        else:
            momentum_update(target, current, c.momentum_first)

    def loss(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        c = self.config
        masked = self.masked(batch) if self._fusion else None
        # The teachers come first: what their passes need is freed before the student's activations are kept.
        momentum_image, momentum_text, momentum_logits = self._momentum_outputs(batch, masked)
        reference = self._reference_features(batch)
        image_tokens, image, text = self.encoded(batch, text=self._alignment)
        if masked is not None:
            masked = masked._replace(teacher=momentum_logits)
            mlm, distilled = self.by_micro_batch(self._word_losses, image_tokens, masked)

        terms: dict[str, Tensor] = {}
        first = distributed.rank() * len(batch)
        with full_precision(image):
            if c.ita_weight or self._topology:
                image_keys, text_keys = gather_pair(image, text)
            if c.ita_weight:
                value = symmetric_contrast(image, text, image_keys, text_keys, c.temperature, first)
                terms["ita"] = c.ita_weight * value
            if c.mlm_weight:
                terms["mlm"] = c.mlm_weight * masked_mean(mlm, masked)
            if c.contrast_weight:
                terms["contrast"] = c.contrast_weight * self._contrast(
                    image, text, momentum_image, momentum_text, first
                )
            if c.mlm_distill_weight:
                terms["mlm_distill"] = c.mlm_distill_weight * masked_mean(distilled, masked)
            if self._topology:
                terms |= self._topology_terms((image, text), (image_keys, text_keys), reference, first)
        return terms

    def finish_task(self, task: Task, data: Callable[[], Iterable[Batch]]) -> None:
        self.momentum_model = self.reference_model = None

    @torch.no_grad()
    def _momentum_outputs(self, batch: Batch, masked: MaskedTokens | None) -> tuple[Tensor | None, ...]:
        """(image features, text features, MLM logits) on the student's inputs; None for what no
        term needs.
        """
        c, teacher = self.config, self.momentum_model
        if teacher is None:
            return None, None, None

        def outputs(image: Tensor, words: Tensor, masked: MaskedTokens | None) -> tuple[Tensor | None, ...]:
            image_tokens, feature = teacher.encode_image(image)
            text = teacher.encode_text(words) if c.contrast_weight else None
            if not c.mlm_distill_weight:
                return feature, text, None
            return feature, text, teacher.mlm_logits(masked.ids, image_tokens, masked.positions)

        return self.by_micro_batch(outputs, batch.image, self.words(batch), masked)

    @torch.no_grad()
    def _reference_features(self, batch: Batch) -> tuple[Tensor | None, Tensor | None]:
        teacher = self.reference_model
        if not self._topology:
            return None, None

        def features(image: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
            return teacher.encode_image(image)[1], teacher.encode_text(words)

        return self.by_micro_batch(features, batch.image, self.words(batch))

    def _word_losses(self, image_tokens: Tensor, masked: MaskedTokens) -> tuple[Tensor | None, Tensor | None]:
        """The cross-entropy and the distillation at each masked position, (N,); None for a term of weight
        0.
        """
        c = self.config
        logits = self.model.mlm_logits(masked.ids, image_tokens, masked.positions)
        with full_precision(logits):
            mlm = F.cross_entropy(logits, masked.labels, reduction="none") if c.mlm_weight else None
            if not c.mlm_distill_weight:
                return mlm, None
            return mlm, mlm_distillation(logits, masked.teacher, c.distill_temperature)

    def _contrast(
        self, image: Tensor, text: Tensor, momentum_image: Tensor, momentum_text: Tensor, first: int
    ) -> Tensor:
        """The contrast with [momentum batch ; queue]. The momentum features of all ranks then
        join the queue.
        """
        c = self.config
        gathered = gather_pair(momentum_image, momentum_text)
        if c.contrast_keys == "global":
            loss = self._contrast_with_queue(image, text, *gathered, first)
        else:  # a micro-batch has keys of its own, as a rank has
            own = (image, text, momentum_image, momentum_text)
            parts = zip(*(rows.split(c.micro_batch_size or len(image)) for rows in own), strict=True)
            losses = [len(part[0]) / len(image) * self._contrast_with_queue(*part, 0) for part in parts]
            loss = torch.stack(losses).sum()
        self.queue.push(*gathered)
        return loss

    def _contrast_with_queue(
        self, image: Tensor, text: Tensor, image_keys: Tensor, text_keys: Tensor, first: int
    ) -> Tensor:
        return symmetric_contrast(
            image,
            text,
            torch.cat([image_keys, self.queue.image]),
            torch.cat([text_keys, self.queue.text]),
            self.config.temperature,
            first,
        )

    def _topology_terms(
        self,
        student: tuple[Tensor, Tensor],
        student_keys: tuple[Tensor, Tensor],
        reference: tuple[Tensor, Tensor],
        first: int,
    ) -> dict[str, Tensor]:
        c = self.config
        reference_keys = gather_pair(*reference)
        picture, words = 0, 1

        def divergence(query: int, key: int, own: int | None = None) -> Tensor:
            return topology_divergence(
                student[query], student_keys[key], reference[query], reference_keys[key], c.temperature, own
            )

        terms: dict[str, Tensor] = {}
        if c.topology_cross_weight:
            value = (divergence(picture, words) + divergence(words, picture)) / 2
            terms["topology_cross"] = c.topology_cross_weight * value
        if c.topology_same_weight:
            own = first if c.mask_own else None
            value = (divergence(picture, picture, own) + divergence(words, words, own)) / 2
            terms["topology_same"] = c.topology_same_weight * value
        return terms
