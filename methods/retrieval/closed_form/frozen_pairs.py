"""A method of retrieval that stands on two frozen towers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...backbones.pair_encoder import PairEncoder, Tower
from ...method import Batch, CaptionSpec, Method, Scenario


class FrozenPairs(Method):
    """Retrieval on what frozen towers give for pictures and texts. Subclasses implement :meth:`compared`.

    Args:
        config: The hyper-parameters. Their ``backbone`` says which towers.
        spec: The sizes of the inputs.
        encoder: The frozen towers; None: they are made from ``config``. They are no part of this module,
            neither in its parameters nor in its ``state_dict``, and are moved to where a batch is when they
            are used.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"retrieval"})
    frozen: ClassVar[frozenset[Literal["image", "text", "queries", "pairs"]]] = frozenset({"pairs"})

    def __init__(self, config: Any, spec: CaptionSpec, encoder: PairEncoder | None = None) -> None:
        super().__init__(config, spec)
        if encoder is None:
            # timm and transformers take seconds to import. Listing methods and checking configurations do
            # without them.
            from ...backbones.load_pairs import load_pairs

            encoder = load_pairs(config.backbone, spec)
        self._held = (encoder,)  # a module in a tuple is not registered

    def rows(self, batch: Batch, tower: Tower) -> Tensor:
        """Returns what a tower gives, float32 (B, D): that of ``batch.feature`` where the batch has it.

        Args:
            batch: The samples.
            tower: Which of the two.
        """
        if batch.feature is not None:
            return batch.feature[:, ("image", "text").index(tower)]
        encoder = self._encoder(batch)
        return encoder.image(batch.image) if tower == "image" else encoder.text(batch.tokens)

    @torch.no_grad()
    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns unit rows: of pictures or texts (B, E), of both [picture, text] / sqrt(2), (B, 2 E).

        The cosine of two rows of both is the mean of the pictures' cosine and the texts'. What else a model
        may have pretrained on top of its towers is not used.

        Args:
            batch: The samples.
            kind: What is embedded: pictures, texts, or both together.
        """
        if kind == "pair":
            both = [self.embed(batch, "image"), self.embed(batch, "text")]
            return F.normalize(torch.cat(both, dim=1), dim=1)
        return self.compared(self.rows(batch, kind), kind)

    def compared(self, rows: Tensor, tower: Tower) -> Tensor:
        """Returns the unit rows (B, E) by which pictures and texts are compared, whatever autocast says.

        Args:
            rows: float32 (B, D), of :meth:`rows`.
            tower: Which of the two they are of.
        """
        raise NotImplementedError

    def _encoder(self, batch: Batch) -> PairEncoder:
        """The frozen towers, where the batch is."""
        (encoder,) = self._held
        return encoder.to(batch.tokens.device)
