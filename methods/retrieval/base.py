"""What CTP and its baselines share: the model, image-text alignment, masked words, and one phase a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..backbones.config import BackboneConfig
from ..common import distributed
from ..common.checks import check_range
from ..common.importing import importing
from ..common.micro_batches import in_micro_batches
from ..common.output_method import OutputMethod
from ..common.precision import full_precision
from ..common.schedule import cosine
from ..common.trim import trimmed
from ..method import Batch, InputSpec, Pass, Phase, Scenario, Task
from .losses.contrast import symmetric_contrast
from .losses.masking import IGNORED, mask_tokens


@dataclass(frozen=True)
class RetrievalConfig:
    """Hyper-parameters of image-text training. Defaults: the CTP paper's (Zhu et al., ICCV 2023)."""

    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    """The image-text model that is trained."""

    embed_dim: int = 256
    """Width of the space that pictures and texts share. Range: at least 1."""

    temperature: float = 0.07
    """What every similarity is divided by. It is not learnt. Range: above 0."""

    ita_weight: float = 1.0
    """Weight of image-text alignment, the symmetric InfoNCE over the global batch. A term of weight 0 is not
    computed. Range: at least 0."""

    mlm_weight: float = 1.0
    """Weight of masked language modelling, conditioned on the picture. A term of weight 0 is not computed,
    and herding and multi-modal retrieval then compare the pictures' and the texts' features, as masked words
    alone teach the fusion layers. Range: at least 0."""

    mlm_probability: float = 0.15
    """Share of a caption's tokens that are masked and predicted. Range: above 0, at most 1."""

    learning_rate: float = 1e-4
    """AdamW's rate at the start of every task. It falls to ``min_learning_rate`` along a cosine, step by
    step, without a warm-up. Range: above 0."""

    min_learning_rate: float = 1e-6
    """The rate at the end of every task. Range: at least 0, at most ``learning_rate``."""

    weight_decay: float = 0.05
    """AdamW's weight decay. It acts on all parameters, as in the released code. Range: at least 0."""

    epochs: int = 5
    """Passes over a task's data. Range: at least 1."""

    batch_size: int = 512
    """Pairs in a step, over all workers. Range: at least 1."""

    micro_batch_size: int = 0
    """Pairs that a worker takes through the model at once, where these are fewer than its share of a batch.
    The loss still sees the global batch. The activations of so many pairs are held, and each is computed
    twice (GradCache, Gao et al., 2021). 0: the whole share. Range: at least 0, at most ``batch_size``."""

    def __post_init__(self) -> None:
        check_range("embed_dim", self.embed_dim, 1)
        check_range("temperature", self.temperature, 0, open_low=True)
        check_range("ita_weight", self.ita_weight, 0)
        check_range("mlm_weight", self.mlm_weight, 0)
        check_range("mlm_probability", self.mlm_probability, 0, 1, open_low=True)
        check_range("learning_rate", self.learning_rate, 0, open_low=True)
        check_range("min_learning_rate", self.min_learning_rate, 0, self.learning_rate)
        check_range("weight_decay", self.weight_decay, 0)
        check_range("epochs", self.epochs, 1)
        check_range("batch_size", self.batch_size, 1)
        check_range("micro_batch_size", self.micro_batch_size, 0, self.batch_size)
        if not any(self._first_task_weights()):
            raise ValueError("every loss term of the first task has weight 0: nothing to train on")

    def _first_task_weights(self) -> tuple[float, ...]:
        return self.ita_weight, self.mlm_weight


class MaskedTokens(NamedTuple):
    """A batch's masked tokens.

    Attributes:
        ids: (B, L), the masked rows.
        positions: (N,), flat indices of the words that are to be predicted.
        labels: (N,), these words.
        scale: Turns this rank's sum over positions into a value whose mean over ranks is the global batch's
            mean over positions.
        weight: (N,), that of each word's sample; None: samples weigh alike.
        teacher: (N, V), a teacher's word logits there; None: nobody teaches.
    """

    ids: Tensor
    positions: Tensor
    labels: Tensor
    scale: Tensor
    weight: Tensor | None = None
    teacher: Tensor | None = None

    def split(self, size: int) -> list[MaskedTokens]:
        """Returns the masked tokens of each ``size`` rows in turn. The scale stays that of all."""
        rows, length = self.ids.shape
        edges = torch.arange(0, rows + size, size, device=self.ids.device).clamp(max=rows) * length
        counts = torch.searchsorted(self.positions, edges).diff().tolist()

        def by_word(values: Tensor | None) -> Sequence[Any]:
            return [None] * len(counts) if values is None else values.split(counts)

        words = zip(
            self.ids.split(size),
            edges,
            *map(by_word, (self.positions, self.labels, self.weight, self.teacher)),
            strict=False,
        )
        return [
            MaskedTokens(ids, positions - start, labels, self.scale, weight, teacher)
            for ids, start, positions, labels, weight, teacher in words
        ]


class PairFeatures(NamedTuple):
    """What the model gives for pictures and texts.

    Attributes:
        image_tokens: The pictures' tokens, for the fusion layers.
        image: (B, D), unit rows.
        text: (B, D), unit rows; None where texts are not aligned.
    """

    image_tokens: Tensor
    image: Tensor
    text: Tensor | None


class RetrievalMethod(OutputMethod):
    """Image-text alignment and masked language modelling on the model of ALBEF and CTP.

    Args:
        config: The hyper-parameters.
        spec: The sizes of the inputs.
        model: Any module with the methods of :class:`~methods.backbones.image_text.ImageTextModel`; None: one
            is made from ``config``.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"retrieval"})
    Config = RetrievalConfig
    _data: ClassVar[Literal["task", "seen", "all"]] = "task"
    _replay: ClassVar[Literal["none", "merge"]] = "none"

    def __init__(self, config: RetrievalConfig, spec: InputSpec, model: nn.Module | None = None) -> None:
        super().__init__(config, spec)
        if model is None:
            # timm and transformers take seconds to import. Listing methods and checking configurations do
            # without them.
            with importing():
                from ..backbones.pretrained_image_text import load_image_text

            model = load_image_text(config.backbone, spec, config.embed_dim)
        self.model = model

    @classmethod
    def checkpoint_bytes(cls, config: Any, spec: Any, tasks: int) -> int | None:
        sizes = spec.image_size, spec.vocab_size, spec.max_tokens, config.embed_dim
        return 4 * config.backbone.numbers(*sizes)

    def start_task(self, task: Task) -> None:
        self.model.set_trained(alignment=self.config.ita_weight > 0, fusion=self.config.mlm_weight > 0)

    def phases(self, task: Task) -> Sequence[Phase | Pass]:
        c = self.config
        falling = partial(cosine, floor=c.min_learning_rate / c.learning_rate)
        return [Phase("train", c.epochs, c.batch_size, self._optimizer, falling, self._data, self._replay)]

    def outputs(self, batch: Batch) -> Any:
        """Returns the pairs' features, :class:`PairFeatures`."""
        return self.encoded(batch, text=self.config.ita_weight > 0)

    def encoded(self, batch: Batch, *, text: bool) -> PairFeatures:
        """Returns the pairs' features.

        Args:
            batch: This rank's share of the batch.
            text: Whether the features of texts are wanted.
        """

        def encode(image: Tensor, words: Tensor) -> tuple[Tensor | None, ...]:
            return *self.model.encode_image(image), self.model.encode_text(words) if text else None

        return PairFeatures(*self.by_micro_batch(encode, batch.image, self.words(batch)))

    def by_micro_batch(self, function: Callable[..., Any], *inputs: Any) -> tuple[Any, ...]:
        """Calls :func:`~methods.common.micro_batches.in_micro_batches` with ``micro_batch_size``."""
        return in_micro_batches(function, self.config.micro_batch_size, *inputs)

    def terms(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        c = self.config
        terms: dict[str, Tensor] = {}
        image_tokens, image, text = outputs
        if c.ita_weight:
            with full_precision(text):
                keys = gather_pair(image, text)
                terms["ita"] = c.ita_weight * symmetric_contrast(
                    image, text, *keys, c.temperature, distributed.rank() * len(batch), batch.weight
                )
        if c.mlm_weight:
            terms["mlm"] = c.mlm_weight * self.mlm_loss(self.masked(batch), image_tokens)
        return terms

    def mlm_loss(self, masked: MaskedTokens, image_tokens: Tensor) -> Tensor:
        """Returns the cross-entropy of masked words, averaged over the global batch's masked positions.

        Args:
            masked: The draw.
            image_tokens: (B, N, W), of the pictures.
        """

        def losses(image_tokens: Tensor, masked: MaskedTokens) -> tuple[Tensor]:
            logits = self.model.mlm_logits(masked.ids, image_tokens, masked.positions)
            return (F.cross_entropy(logits, masked.labels, reduction="none"),)

        (values,) = self.by_micro_batch(losses, image_tokens, masked)
        return masked_mean(values, masked)

    def masked(self, batch: Batch, *, gathered: bool = True) -> MaskedTokens:
        """Draws the tokens to predict. The draw is the same whether one rank holds the batch or several share
        it.

        Args:
            batch: The samples.
            gathered: Whether the batch is a share of a global one, as :func:`masked_tokens` has it.
        """
        length = batch.tokens.shape[1]
        # The draw is float64, since a word's number is the draw times the vocabulary's size.
        uniform = batch.draw(lambda g, total: torch.rand(total, length, 4, generator=g, dtype=torch.float64))
        tokens = self.words(batch)
        # The rows are trimmed first: a random word may be [PAD], and a row that has it at its end still keeps
        # that column.
        uniform = uniform[:, : tokens.shape[1]]
        ids, labels = mask_tokens(tokens, uniform, self.config.mlm_probability, self.spec)
        return masked_tokens(ids, labels, batch.weight, gathered=gathered)

    def words(self, batch: Batch) -> Tensor:
        """Returns the batch's token rows (B, L') without the padding that all of them share."""
        return trimmed(batch.tokens, self.spec.pad_id)

    @torch.no_grad()
    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns unit rows: of pictures or texts (B, embed_dim), of both (B, width).

        Rows of both serve herding and multi-modal retrieval. They come from the fusion layers, which masked
        words alone teach. With ``mlm_weight`` 0 these layers are as random as they began, so the rows of both
        are then [picture, text] / sqrt(2), (B, 2 embed_dim): the cosine of two such rows is the mean of the
        pictures' cosine and the texts'.

        Args:
            batch: The samples.
            kind: What is embedded: pictures, texts, or both together.
        """
        if kind == "text":
            return self.model.encode_text(self.words(batch))
        image_tokens, image = self.model.encode_image(batch.image)
        if kind == "image":
            return image
        if self.config.mlm_weight:
            return self.model.encode_pair(self.words(batch), image_tokens)
        return F.normalize(torch.cat([image, self.model.encode_text(self.words(batch))], dim=1), dim=1)

    def _optimizer(self) -> torch.optim.Optimizer:
        trained = [p for p in self.model.parameters() if p.requires_grad]
        return torch.optim.AdamW(
            trained,
            lr=self.config.learning_rate,
            weight_decay=self.config.weight_decay,
            fused=True,
        )


def masked_tokens(
    ids: Tensor, labels: Tensor, weight: Tensor | None = None, *, gathered: bool = True
) -> MaskedTokens:
    """Prepares a draw for the model and the losses.

    Args:
        ids: (B, L), of :func:`~methods.retrieval.losses.masking.mask_tokens`.
        labels: (B, L), of the same.
        weight: (B,), as of ``Batch.weight``.
        gathered: Whether other ranks hold shares of the same global batch. Every rank then calls this.
    """
    flat = labels.flatten()
    positions = (flat != IGNORED).nonzero().squeeze(1)
    count = (flat != IGNORED).sum()
    if gathered:
        count = distributed.all_reduce_sum(count)
    scale = (distributed.world_size() if gathered else 1) / count.clamp(min=1).double()
    own = None if weight is None else weight[positions // labels.shape[1]]
    return MaskedTokens(ids, positions, flat[positions], scale, own)


def masked_mean(values: Tensor, masked: MaskedTokens) -> Tensor:
    """Returns the global batch's mean of a value at each masked position, times the sample's weight.

    Args:
        values: (N,), at this rank's masked positions.
        masked: The draw.
    """
    weighted = values if masked.weight is None else masked.weight.to(values.dtype) * values
    return weighted.sum() * masked.scale.to(values.dtype)


def gather_pair(image: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """Gathers the features of all ranks in one collective. Gradients flow back to the ranks.

    Args:
        image: (B, D).
        text: (B, D).

    Returns:
        (ranks * B, D) each.
    """
    return distributed.all_gather_with_grad(torch.stack([image, text], dim=1)).unbind(1)
