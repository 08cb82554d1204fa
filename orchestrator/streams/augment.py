"""Training transforms, each sample's drawn from its own seed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

from ..errors import UserError

_CROP_TRIES = 10
_GREY = [128.0, 128.0, 128.0]


def augment(name: str, pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Pictures as a training step sees them.

    ``pictures``: uint8 (n, S, S, 3). ``seeds``: uint64 (n,). Returns uint8 (n, S, S, 3). A sample's outcome
    depends on its picture and seed alone, not on its batch, rank or thread; no global generator is touched.

    ``none``: as they are. ``flip``: each mirrored with probability one half, left to right, as the CLAP4CLIP
    code does. ``shift``: moved by up to S / 16 pixels each way, edges repeated, for scenes in which colour
    and left and right carry meaning. ``product``: the CTP paper's and released code's transform:
    RandomResizedCrop (area 0.2 .. 1, ratio 3/4 .. 4/3, bicubic), horizontal flip, RandAugment(2, 5).
    """
    if name not in _TRANSFORMS:
        raise UserError(f"augment: {name!r}, allowed: {', '.join(_TRANSFORMS)}")
    return _TRANSFORMS[name](pictures, seeds)


def _none(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    return pictures


def _flip(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    mirrored = _uniform(seeds, 1)[:, 0] < 0.5
    return np.where(mirrored[:, None, None, None], pictures[:, :, ::-1], pictures)


def _shift(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    size = pictures.shape[1]
    reach = size // 16
    corners = np.floor(_uniform(seeds, 2) * (2 * reach + 1)).astype(np.int64).tolist()
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    out = np.empty_like(pictures)
    for i, (top, left) in enumerate(corners):
        out[i] = padded[i, top : top + size, left : left + size]
    return out


def _product(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    size = pictures.shape[1]
    draws = _uniform(seeds, 4 * _CROP_TRIES + 1 + 3 * 2)
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
            # ALBEF's RandomAugment applies each of the two operations it picks with probability one half.
            if chance < 0.5:
                image = _OPERATIONS[int(which * len(_OPERATIONS))](image, 1 if sign < 0.5 else -1)
        out[i] = image.permute(1, 2, 0).numpy()
    return out


def _crops(draws: np.ndarray, size: int) -> list[tuple[int, int, int, int]]:
    """Top, left, height, width, as torchvision's RandomResizedCrop: the first of ten tries that fits, else
    all.
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
    """``shift``: parts of the side. ``shear``: slopes, about the top left corner, as OpenCV's warpAffine
    does.
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


# The ten operations that CTP's code names, at level 5 of 10. Brightness and Sharpness have the factor
# 5 / 10 * 1.8 + 0.1 = 1 there, which changes nothing. The code moves by 5 pixels at S = 224; here by that
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

_TRANSFORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "none": _none,
    "flip": _flip,
    "shift": _shift,
    "product": _product,
}


def _uniform(seeds: np.ndarray, count: int) -> np.ndarray:
    """float64 (n, count) in [0, 1): ``count`` draws of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from
    each seed.

    NumPy's generators would cost one Python object a sample.
    """
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = np.asarray(seeds, np.uint64)[:, None] + steps
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
