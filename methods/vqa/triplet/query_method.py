"""A method that stands on frozen image-text encoders and their queries."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ...method import Batch, Method, QuestionSpec, Scenario
from .frozen_backbone import FrozenBackbone


class QueryMethod(Method):
    """A method of visual question answering on frozen encoders of pictures, questions and both.

    Args:
        config: The hyper-parameters. Their ``backbone`` says which encoders.
        spec: The stream's questions and answers.
        backbone: The frozen encoders; None: they are made from ``config``. They are no part of this module,
            neither in its parameters nor in its ``state_dict``, and are moved to where the module is when
            they are used.
    """

    scenarios: ClassVar[frozenset[Scenario]] = frozenset({"vqa"})
    measures = "triplet"

    def __init__(self, config: Any, spec: QuestionSpec, backbone: FrozenBackbone | None = None) -> None:
        super().__init__(config, spec)
        if spec.regions is not None:
            raise ValueError("the stream's pictures come as regions: frozen encoders need pixels")
        if backbone is None:
            # timm and transformers take seconds to import. Listing methods and checking configurations do
            # without them.
            from .load import load_frozen

            backbone = load_frozen(config.backbone, spec)
        self._held = (backbone,)  # a module in a tuple is not registered

    @property
    def backbone(self) -> FrozenBackbone:
        """The frozen encoders, where this module is."""
        (backbone,) = self._held
        (device, dtype), frozen = self._place(), next(backbone.parameters())
        if (device, dtype) != (frozen.device, frozen.dtype):
            backbone.to(device, dtype)
        return backbone

    def _place(self) -> tuple[torch.device, torch.dtype]:
        """Where the module is, and the type in which the encoders work for it."""
        own = next(self.parameters())
        return own.device, own.dtype

    @torch.no_grad()
    def embed(self, batch: Batch, kind: Literal["image", "text", "pair"]) -> Tensor:
        """Returns unit rows (B, D): the queries that the frozen encoders give without prompts.

        Args:
            batch: The samples.
            kind: Which query is taken.
        """
        return F.normalize(self.queries(batch)[:, ("image", "text", "pair").index(kind)], dim=-1)

    def queries(self, batch: Batch) -> Tensor:
        """Returns the queries of image, text and fusion, float32 (B, 3, D): ``batch.feature`` where the batch
        has it.
        """
        if batch.feature is not None:
            return batch.feature
        from .queries import QueryModel

        return QueryModel(self.backbone).encode(batch.image, batch.tokens)
