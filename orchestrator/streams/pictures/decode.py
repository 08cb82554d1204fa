"""Encoded bytes to pixels."""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import nullcontext

import numpy as np
from PIL import Image

MOST_PIXELS, LONGEST_SIDE = 89_478_485, 65_535
"""Of a picture that is decoded. Pillow warns of more pixels than that, which it then holds in up to 8 bytes
each; the side is the longest that JPEG knows. A file of a few kilobytes can ask for any number of them."""

# What the endings of picture files stand for. Of the others that Pillow knows, one starts another program
# (EPS), and some hold pictures of another size than they say.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

_LARGE = 20_000_000  # pixels
_ONE_AT_A_TIME = threading.Lock()

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # refused below


def decode(encoded: bytes | memoryview, size: int, crop: bool = False) -> np.ndarray:
    """uint8 (S, S, 3), S = ``size``: the picture as RGB, resized (bicubic, antialiased) to a square.

    The sides are resized independently, as CTP's released test transform does (``Resize((S, S))``): rows of
    one array need one shape, and P9D's product pictures are square. With ``crop`` the short side is resized
    to S and the centre kept, as CLIP's transform does.

    Raises :class:`ValueError`, one line with the reason, for bytes that are no whole JPEG, PNG, WebP, BMP,
    GIF, TIFF or PPM, or one of more than :data:`MOST_PIXELS` or :data:`LONGEST_SIDE`, as it is or resized.
    """
    if crop:  # else torchvision is not imported; outside of what is taken for a bad picture
        from torchvision.transforms import functional as F
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            _check(image.size, size if crop else None)
            # Large ones take up to 0.7 GB: not in each thread at once.
            with _ONE_AT_A_TIME if image.size[0] * image.size[1] > _LARGE else nullcontext():
                image = image.convert("RGB")
                if crop:
                    image = F.center_crop(F.resize(image, size, F.InterpolationMode.BICUBIC), size)
                elif image.size != (size, size):
                    image = image.resize((size, size), Image.Resampling.BICUBIC)
            return np.asarray(image)
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"more than {MOST_PIXELS} pixels") from None
    except Exception as error:  # Pillow's plugins raise nearly anything on malformed bytes
        reason = (
            "not a picture of a known format"
            if isinstance(error, Image.UnidentifiedImageError)
            else str(error)
        )
        raise ValueError(" ".join(reason.split())) from None


def _check(sides: tuple[int, int], short: int | None) -> None:
    """``short``: what the short side is to become, the long one with it."""
    pixels, longest = sides[0] * sides[1], max(sides)
    if pixels > MOST_PIXELS:
        raise ValueError(f"{sides[0]} x {sides[1]} pixels, more than {MOST_PIXELS}")
    if longest > LONGEST_SIDE:
        raise ValueError(f"{sides[0]} x {sides[1]} pixels, a side of more than {LONGEST_SIDE}")
    if short is not None and short * short * longest > MOST_PIXELS * min(sides):
        raise ValueError(
            f"{sides[0]} x {sides[1]} pixels, more than {MOST_PIXELS} when the short side is {short}"
        )
