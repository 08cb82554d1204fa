"""What a variant of MMA is: a way to compare pictures with classes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from .config import AdapterConfig


class Adapter(nn.Module):
    """Compares unit rows of pictures ``image`` (B, D) with those of classes ``text`` (N, D).

    As it stands it adapts nothing: the variant ``clip_base``, zero-shot CLIP. A picture's row never depends
    on the other pictures of the batch.

    ``scaled``: similarities are multiplied by CLIP's scale; ``clamped``: the released code stores that scale
    exponentiated, and its training loop clamps it as if it were a logarithm. ``down_dim``: the published
    default of :attr:`AdapterConfig.down_dim`, None where it does not apply or follows from D. ``attends``:
    has attention, ``down_dim`` wide.
    """

    scaled: ClassVar[bool] = True
    clamped: ClassVar[bool] = False
    down_dim: ClassVar[int | None] = None
    attends: ClassVar[bool] = False

    def __init__(self, width: int, config: AdapterConfig) -> None:
        super().__init__()

    def forward(self, image: Tensor, text: Tensor) -> Tensor:
        """Similarities (B, N), before the scale."""
        return image @ text.T

    def image_features(self, image: Tensor, text: Tensor) -> Tensor:
        """The adapted rows (B, D) of the pictures, not normalised where the variant does not."""
        return image

    def class_features(self, image: Tensor, text: Tensor) -> Tensor:
        """The adapted rows (N, D) of the classes, averaged over the pictures they are compared with."""
        return text
