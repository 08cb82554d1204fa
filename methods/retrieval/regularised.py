"""EWC, LwF and DER++ on CTP's model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..common.checks import check_range
from ..common.dark_experience_replay import DarkExperienceReplay, DERConfig
from ..common.distillation import distillation
from ..common.elastic_weight_consolidation import ElasticWeightConsolidation, EWCConfig
from ..common.learning_without_forgetting import LearningWithoutForgetting, LwFConfig
from ..common.precision import at_least_float32, full_precision
from ..common.stored_error import stored_error
from ..method import Batch, InputSpec, Pass
from .base import PairFeatures, RetrievalConfig, RetrievalMethod, gather_pair
from .losses.contrast import symmetric_contrast


@dataclass(frozen=True)
class RetrievalEWCConfig(EWCConfig, RetrievalConfig):
    """Hyper-parameters of image-text training with EWC."""

    fisher_batch_size: int = 32
    """Pairs whose gradient is squared together: a contrast is between pairs. Range: at least 2. Released
    code: the training's batch (CTP)."""

    def __post_init__(self) -> None:
        RetrievalConfig.__post_init__(self)
        EWCConfig.__post_init__(self)
        check_range("fisher_batch_size", self.fisher_batch_size, 2)


class RetrievalEWC(ElasticWeightConsolidation, RetrievalMethod):
    """Online EWC: finetuning that stays near weights that past tasks needed. Ignores the replay memory.

    The likelihood is that of a batch of pairs: minus the loss, with its weights. Its gradient is squared as a
    whole, as in CTP's released code.
    """

    Config = RetrievalEWCConfig

    def __init__(self, config: RetrievalEWCConfig, spec: InputSpec, *parts: torch.nn.Module) -> None:
        super().__init__(config, spec, *parts)
        self.fisher_pass = Pass("fisher", batch_size=config.fisher_batch_size)

    def log_likelihoods(self, batch: Batch) -> Iterator[tuple[int, Tensor]]:
        c = self.config
        image_tokens, image, text = self.outputs(batch)
        loss = image.new_zeros(())
        # Each rank has batches of its own: their pairs are not gathered.
        if c.ita_weight:
            with full_precision(image):
                loss = loss + c.ita_weight * symmetric_contrast(image, text, image, text, c.temperature)
        if c.mlm_weight:
            masked = self.masked(batch, gathered=False)
            loss = loss + c.mlm_weight * self.mlm_loss(masked, image_tokens)
        yield len(batch), -loss


@dataclass(frozen=True)
class RetrievalLwFConfig(LwFConfig, RetrievalConfig):
    """Hyper-parameters of image-text training with LwF."""

    ita_weight: float = 1.0
    """Weight of image-text alignment, which makes the similarities that are kept. Range: above 0."""

    def __post_init__(self) -> None:
        RetrievalConfig.__post_init__(self)
        LwFConfig.__post_init__(self)
        _check_aligned(self)


class RetrievalLwF(LearningWithoutForgetting, RetrievalMethod):
    """LwF: finetuning that keeps the previous model's similarities. Ignores the replay memory.

    The teacher gives the row of similarities of each picture to the texts of the batch, and of each text to
    the batch's pictures, over ``temperature``.
    """

    Config = RetrievalLwFConfig

    def distilled(self, outputs: PairFeatures, before: PairFeatures, batch: Batch) -> Tensor:
        temperature = self.config.lwf_temperature
        return distillation(self._rows(outputs), self._rows(before), temperature).mean(1)

    def _rows(self, pairs: PairFeatures) -> Tensor:
        assert pairs.text is not None  # the configuration says so
        return similarity_rows(pairs.image, pairs.text, self.config.temperature)


@dataclass(frozen=True)
class RetrievalDERConfig(DERConfig, RetrievalConfig):
    """Hyper-parameters of image-text training with DER++."""

    ita_weight: float = 1.0
    """Weight of image-text alignment, which makes the similarities that are kept. Range: above 0."""

    def __post_init__(self) -> None:
        RetrievalConfig.__post_init__(self)
        DERConfig.__post_init__(self)
        _check_aligned(self)


class RetrievalDER(DarkExperienceReplay, RetrievalMethod):
    """DER++: experience replay with the features that the memory's pairs once had.

    A pair's features are stored. The logits are the rows of similarities between the memory's pairs of a
    batch, over ``temperature``.
    """

    Config = RetrievalDERConfig

    @torch.no_grad()
    def keep(self, batch: Batch) -> Tensor:
        pairs = self.outputs(batch)
        return torch.stack([pairs.image, pairs.text], dim=1)

    def distances(self, outputs: PairFeatures, stored: Tensor, batch: Batch) -> Tensor:
        assert outputs.text is not None  # the configuration says so
        temperature = self.config.temperature
        now = similarity_rows(outputs.image, outputs.text, temperature)
        # A similarity to a pair that is not of the memory is NaN, and not compared.
        return stored_error(now, similarity_rows(stored[:, 0], stored[:, 1], temperature))


def similarity_rows(image: Tensor, text: Tensor, temperature: float) -> Tensor:
    """Returns the similarities of pictures to all ranks' texts, and of texts to all ranks' pictures.

    Args:
        image: (B, D), unit rows.
        text: (B, D), unit rows.
        temperature: Divides the similarities.

    Returns:
        (B, 2, K), K the pairs of all ranks.
    """
    with full_precision(image):
        image, text = at_least_float32(image), at_least_float32(text)
        images, texts = gather_pair(image, text)
        return torch.stack([image @ texts.T, text @ images.T], dim=1) / temperature


def _check_aligned(config: RetrievalConfig) -> None:
    if not config.ita_weight:
        raise ValueError("ita_weight 0 must be > 0: similarities are kept, which alignment makes")
