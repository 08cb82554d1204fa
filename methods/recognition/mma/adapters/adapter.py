"""The base class of MMA's variants, which compare pictures with classes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from .config import AdapterConfig


class Adapter(nn.Module):
    """Compares unit rows of pictures ``image`` (B, D) with unit rows of classes ``text`` (N, D).

    The base class adapts nothing: it is the variant ``clip_base``, zero-shot CLIP. A picture's row never
    depends on the other pictures of the batch.

    Attributes:
        scaled: Whether similarities are multiplied by CLIP's scale.
        clamped: Whether the released code's clamp acts. That code stores the scale exponentiated, and its
            training loop clamps it as if it were a logarithm.
        down_dim: The published default of :attr:`AdapterConfig.down_dim`; None where it does not apply or
            follows from D.
        attends: Whether the variant has attention, ``down_dim`` wide.

    Args:
        width: D.
        config: The sizes and readings.
    """

    scaled: ClassVar[bool] = True
    clamped: ClassVar[bool] = False
    down_dim: ClassVar[int | None] = None
    attends: ClassVar[bool] = False

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__()

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns similarities (B, N), before the scale.

        Args:
            image: (B, D), the pictures' unit rows.
            text: (N, D), the classes' unit rows.
        """
        return image @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the pictures' adapted rows (B, D), not normalised where the variant does not normalise.

        Args:
            image: (B, D), the pictures' unit rows.
            text: (N, D), the classes' unit rows.
        """
        return image

    def class_features(self, image: Tensor, text: Tensor) -> Tensor:
        """Returns the classes' adapted rows (N, D), averaged over the pictures that they are compared with.

        Args:
            image: (B, D), the pictures' unit rows.
            text: (N, D), the classes' unit rows.
        """
        return text
