"""Training transforms. Each sample's transform is drawn from its own seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from ..errors import UserError
from ..seeding import view_seeds
from .random_crop import CROP_DRAWS


def augment(name: str, pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Pictures as a training step sees them.

    A sample's outcome depends on its picture and its seed alone, and not on its batch, rank or thread. No
    global generator is touched.

    Args:
        name: The transform. ``none`` leaves pictures as they are. ``flip`` mirrors each one left to right
            with probability one half, as the CLAP4CLIP code does. ``shift`` moves each one by up to S / 16
            pixels each way and repeats the edges; it is for scenes in which colour and left and right carry
            meaning. ``product`` is :func:`.product_transform.product_transform`. ``product-original`` is the
            same for pictures that their reader has cropped (:func:`crop_draws`).
        pictures: uint8 (n, S, S, 3).
        seeds: uint64 (n,).

    Returns:
        uint8 (n, S, S, 3).

    Raises:
        UserError: There is no such transform. The message is one line.
    """
    if name not in _TRANSFORMS:
        raise UserError(f"augment: {name!r}, allowed: {', '.join(_TRANSFORMS)}")
    return _TRANSFORMS[name](pictures, seeds)


def crops_original(name: str) -> bool:
    """Whether a transform begins with a crop of the picture's original size, which only the reader has."""
    return name == "product-original"


def crop_draws(name: str, seeds: np.ndarray) -> np.ndarray | None:
    """The draws by which the reader of pictures crops, before :func:`augment`.

    Args:
        name: The transform.
        seeds: uint64 (n,), as of :func:`augment`.

    Returns:
        float64 (n, :data:`.random_crop.CROP_DRAWS`) in [0, 1); None where pictures are read whole. The draws
        are those of ``product``, whose crops lie in the same parts of the pictures.
    """
    return _uniform(seeds, CROP_DRAWS) if crops_original(name) else None


def augment_view(name: str, pictures: np.ndarray, numbers: np.ndarray, view: np.ndarray | int) -> np.ndarray:
    """One of the V fixed views of each picture, which all runs share.

    A view of ``flip`` is mirrored where its number is odd. With an even V half the views of each picture are
    mirrored, so that a step that takes one at random mirrors with probability one half, as ``flip`` does. If
    each view were drawn, all four of one picture in sixteen would be mirrored.

    Args:
        name: A transform of :func:`augment`.
        pictures: uint8 (n, S, S, 3).
        numbers: int (n,): the pictures' numbers (:class:`~orchestrator.streams.source.SplitSource`).
        view: Which view, 0 .. V - 1, broadcast over ``numbers``.

    Returns:
        uint8 (n, S, S, 3).
    """
    if name != "flip":
        return augment(name, pictures, view_seeds(numbers, view))
    return _mirrored(pictures, np.broadcast_to(np.asarray(view) % 2 == 1, len(pictures)))


def _none(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    return pictures


def _flip(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    return _mirrored(pictures, _uniform(seeds, 1)[:, 0] < 0.5)


def _mirrored(pictures: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where[:, None, None, None], pictures[:, :, ::-1], pictures)


def _shift(pictures: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    size = pictures.shape[1]
    reach = size // 16
    corners = np.floor(_uniform(seeds, 2) * (2 * reach + 1)).astype(np.int64).tolist()
    padded = np.pad(pictures, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    out = np.empty_like(pictures)
    for i, (top, left) in enumerate(corners):
        out[i] = padded[i, top : top + size, left : left + size]
    return out


def _product(pictures: np.ndarray, seeds: np.ndarray, cropped: bool = False) -> np.ndarray:
    from .product_transform import DRAWS, product_transform  # imports torchvision, only where needed

    return product_transform(pictures, _uniform(seeds, DRAWS), cropped)


_TRANSFORMS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "none": _none,
    "flip": _flip,
    "shift": _shift,
    "product": _product,
    "product-original": partial(_product, cropped=True),
}


def _uniform(seeds: np.ndarray, count: int) -> np.ndarray:
    """float64 (n, count) in [0, 1): ``count`` draws of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from
    each seed.

    NumPy's generators would cost one Python object for each sample.
    """
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = np.asarray(seeds, np.uint64)[:, None] + steps
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
