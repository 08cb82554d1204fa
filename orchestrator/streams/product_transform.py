"""CTP's training transform of product pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from .random_crop import CROP_DRAWS, random_crops

_GREY = [128.0, 128.0, 128.0]
DRAWS = CROP_DRAWS + 1 + 3 * 2
"""How many random numbers the transform of one picture needs."""


def product_transform(pictures: np.ndarray, draws: np.ndarray, cropped: bool = False) -> np.ndarray:
    """The training transform of the CTP paper and of its released code.

    It is RandomResizedCrop (area 0.2 .. 1, ratio 3/4 .. 4/3, bicubic), a horizontal flip, and RandAugment(2,
    5).

    Args:
        pictures: uint8 (n, S, S, 3).
        draws: float64 (n, :data:`DRAWS`) in [0, 1), one row for each picture; its first :data:`.CROP_DRAWS`
            are the crop's.
        cropped: Whether the pictures are crops already, which their reader has cut out of the original size.

    Returns:
        uint8 (n, S, S, 3).
    """
    size = pictures.shape[1]
    crops = None if cropped else random_crops(draws[:, :CROP_DRAWS], size, size)
    flips = draws[:, CROP_DRAWS] < 0.5
    rounds = draws[:, CROP_DRAWS + 1 :].reshape(-1, 2, 3)
    out = np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1)
        if crops is not None:
            image = F.resized_crop_image(
                image, *crops[i], [size, size], InterpolationMode.BICUBIC, antialias=True
            )
        if flips[i]:
            image = F.horizontal_flip_image(image)
        for which, chance, sign in rounds[i]:
            # ALBEF's RandomAugment applies each of the two operations that it picks with probability one
            # half.
            if chance < 0.5:
                image = _OPERATIONS[int(which * len(_OPERATIONS))](image, 1 if sign < 0.5 else -1)
        out[i] = image.permute(1, 2, 0).numpy()
    return out


def _same(image: Tensor, sign: int) -> Tensor:
    return image


def _autocontrast(image: Tensor, sign: int) -> Tensor:
    return F.autocontrast_image(image)


def _equalize(image: Tensor, sign: int) -> Tensor:
    return F.equalize_image(image)


def _affine(
    angle: float, shift: tuple[float, float], shear: tuple[float, float]
) -> Callable[[Tensor, int], Tensor]:
    """An affine operation. ``shift`` is in parts of the side. ``shear`` is slopes about the top left corner,
    as in OpenCV's warpAffine.
    """

    def apply(image: Tensor, sign: int) -> Tensor:
        size = image.shape[-1]
        return F.affine_image(
            image,
            angle=sign * angle,
            translate=[sign * part * size for part in shift],
            scale=1.0,
            shear=[sign * math.degrees(math.atan(slope)) for slope in shear],
            interpolation=InterpolationMode.BILINEAR,
            fill=_GREY,
            center=[size / 2, size / 2] if angle else [0.0, 0.0],
        )

    return apply


# The ten operations that CTP's code names, at level 5 of 10. Brightness and Sharpness have the factor 5 / 10
# * 1.8 + 0.1 = 1 there, which changes nothing. The code moves by 5 pixels at S = 224; here it is the same
# share of S.
_OPERATIONS: tuple[Callable[[Tensor, int], Tensor], ...] = (
    _same,
    _autocontrast,
    _same,  # Brightness
    _same,  # Sharpness
    _equalize,
    _affine(0.0, (0.0, 0.0), (0.15, 0.0)),
    _affine(0.0, (0.0, 0.0), (0.0, 0.15)),
    _affine(0.0, (5 / 224, 0.0), (0.0, 0.0)),
    _affine(0.0, (0.0, 5 / 224), (0.0, 0.0)),
    _affine(15.0, (0.0, 0.0), (0.0, 0.0)),
)
