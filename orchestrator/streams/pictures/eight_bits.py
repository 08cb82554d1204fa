"""Reduces pictures with more than eight bits a channel."""

from __future__ import annotations

import numpy as np
from PIL import Image

_BITS, _WHITE = 258, 262  # tags of a TIFF file: BitsPerSample, PhotometricInterpretation


def eight_bits(image: Image.Image) -> Image.Image:
    """Reduces grey of 16 bits (of 12 in some TIFF files) to its upper eight, as 8-bit grey. Other pictures
    stay as they are.

    Pillow's own conversion cuts at 255, which makes nearly all of such a picture white.

    Raises:
        ValueError: The pixels are whole numbers of 32 bits, or fractions, for which it is not known which
            number is white.
    """
    if image.mode.startswith("I;16"):
        return _upper(image, *_of_tiff(image))
    if image.mode == "I" and image.format in ("PNG", "PPM"):  # Pillow's mode for 16 bits of these formats
        return _upper(image, 16, False)
    if image.mode in ("I", "F"):
        kind = "whole numbers of 32 bits" if image.mode == "I" else "numbers with fractions"
        raise ValueError(f"its pixels are {kind}, whose white is not known; 8 or 16 bits are")
    return image


def _of_tiff(image: Image.Image) -> tuple[int, bool]:
    """How many bits a pixel has, and whether 0 is white."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS, (16,))
    return bits[0] if isinstance(bits, tuple) else int(bits), tags.get(_WHITE) == 0


def _upper(image: Image.Image, bits: int, inverted: bool) -> Image.Image:
    grey = (np.asarray(image) >> (bits - 8)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if inverted else grey)
