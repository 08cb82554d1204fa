"""Queries: the outputs of the frozen encoders without prompts."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...common.precision import full_precision
from ...method import InputSpec
from .backbone_config import FrozenBackboneConfig
from .frozen_backbone import FrozenBackbone
from .load import load_frozen


class QueryModel(nn.Module):
    """The class tokens of the three frozen encoders.

    Attributes:
        fingerprint: Equal for encoders that give equal queries.
        rows: 3, of picture, question and both.
        width: D.

    Args:
        backbone: The three encoders.
    """

    rows = 3

    def __init__(self, backbone: FrozenBackbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = backbone.width

    @property
    def fingerprint(self) -> str:
        return self.backbone.fingerprint

    @torch.no_grad()
    def encode(self, image: Tensor, tokens: Tensor) -> Tensor:
        """Returns VT(v)[0], TT(q)[0] and FT([VT(v), TT(q)])[0]: Q^v, Q^q and Q^f of Qian et al.

        They are computed in full precision whatever autocast says, then rounded to float16, so that queries
        kept in half precision equal those that are computed.

        Args:
            image: uint8 (B, 3, S, S).
            tokens: int64 (B, L).

        Returns:
            float32 (B, 3, D).
        """
        with full_precision(image):
            pictures, words = self.backbone.image(image), self.backbone.text(tokens)
            fused = self.backbone.fusion(pictures, words)
            return torch.stack([pictures.first, words.first, fused], dim=1).half().float()


def load_query_encoder(config: FrozenBackboneConfig, spec: InputSpec) -> QueryModel:
    """Returns the query encoder of frozen encoders, on the CPU.

    Args:
        config: As of :func:`~.load.load_frozen`.
        spec: As of :func:`~.load.load_frozen`.

    Raises:
        ValueError: As of :func:`~.load.load_frozen`.
    """
    return QueryModel(load_frozen(config, spec))
