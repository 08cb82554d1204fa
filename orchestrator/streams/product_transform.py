"""CTP's training transform of product pictures."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

_CROP_TRIES = 10
_GREY = [128.0, 128.0, 128.0]
DRAWS = 4 * _CROP_TRIES + 1 + 3 * 2
"""How many random numbers the transform of one picture takes."""


def product_transform(pictures: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The training transform of the CTP paper and of its released code.

    It is RandomResizedCrop (area 0.2 .. 1, ratio 3/4 .. 4/3, bicubic), a horizontal flip, and RandAugment(2,
    5).

    Args:
        pictures: uint8 (n, S, S, 3).
        draws: float64 (n, :data:`DRAWS`) in [0, 1), one row for each picture.

    Returns:
        uint8 (n, S, S, 3).
    """
    size = pictures.shape[1]
    crops = _crops(draws[:, : 4 * _CROP_TRIES].reshape(-1, _CROP_TRIES, 4), size)
    flips = draws[:, 4 * _CROP_TRIES] < 0.5
    rounds = draws[:, 4 * _CROP_TRIES + 1 :].reshape(-1, 2, 3)
    out = np.empty_like(pictures)
    for i, picture in enumerate(pictures):
        image = torch.from_numpy(picture.copy()).permute(2, 0, 1)
        top, left, height, width = crops[i]
        image = F.resized_crop_image(
            image, top, left, height, width, [size, size], InterpolationMode.BICUBIC, antialias=True
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


def _crops(draws: np.ndarray, size: int) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width as in torchvision's RandomResizedCrop: the first of ten tries that fits,
    else the whole picture.
    """
    area = size * size * (0.2 + 0.8 * draws[:, :, 0])
    ratio = np.exp(math.log(3 / 4) + (math.log(4 / 3) - math.log(3 / 4)) * draws[:, :, 1])
    width = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    height = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (width > 0) & (width <= size) & (height > 0) & (height <= size)
    rows, first = np.arange(len(draws)), fits.argmax(1)
    some = fits.any(1)
    width, height = (np.where(some, side[rows, first], size) for side in (width, height))
    top = np.floor(draws[rows, first, 2] * (size - height + 1)).astype(np.int64)
    left = np.floor(draws[rows, first, 3] * (size - width + 1)).astype(np.int64)
    return list(zip(top.tolist(), left.tolist(), height.tolist(), width.tolist(), strict=True))


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
