"""Encoded bytes to pixels."""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import nullcontext

import numpy as np
from PIL import ExifTags, Image

from .eight_bits import eight_bits

MOST_PIXELS, LONGEST_SIDE = 89_478_485, 65_535
"""Of a picture that is decoded. Pillow warns of more pixels than that, which it then holds in up to 8 bytes
each; the side is the longest that JPEG knows. A file of a few kilobytes can ask for any number of them."""

# What the endings of picture files stand for. Of the others that Pillow knows, one starts another program
# (EPS), and some hold pictures of another size than they say.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM")

_LARGE = 20_000_000  # pixels
_THIN = 8  # times as long as high
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ONE_AT_A_TIME = threading.Lock()

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # refused below
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # broken EXIF data


def decode(encoded: bytes | memoryview, size: int, crop: bool = False) -> np.ndarray:
    """uint8 (S, S, 3), S = ``size``: the picture as RGB, resized (bicubic, antialiased) to a square.

    The sides are resized independently, as CTP's released test transform does (``Resize((S, S))``): rows of
    one array need one shape, and P9D's product pictures are square. With ``crop`` the short side is resized
    to S and the centre kept, as CLIP's transform does. The picture is turned upright as its EXIF orientation
    says; grey of 16 bits loses its lower eight.

    Raises :class:`ValueError`, one line with the reason, for bytes that are no whole JPEG, PNG, WebP, AVIF,
    BMP, GIF, TIFF or PPM, one of more than :data:`MOST_PIXELS` or :data:`LONGEST_SIDE`, and one of numbers
    whose white nobody knows: whole ones of 32 bits, or with fractions.
    """
    if crop:  # else torchvision is not imported; outside of what is taken for a bad picture
        from torchvision.transforms import functional as F
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            _check(image.size)
            # Large ones take up to 0.7 GB: not in each thread at once.
            with _ONE_AT_A_TIME if image.size[0] * image.size[1] > _LARGE else nullcontext():
                image.load()
                turn = _turn(image)
                image = eight_bits(image).convert("RGB")
                if crop:
                    image = _middle(image, size)
                if turn is not None:
                    image = image.transpose(turn)
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


def _check(sides: tuple[int, int]) -> None:
    pixels, longest = sides[0] * sides[1], max(sides)
    if pixels > MOST_PIXELS:
        raise ValueError(f"{sides[0]} x {sides[1]} pixels, more than {MOST_PIXELS}")
    if longest > LONGEST_SIDE:
        raise ValueError(f"{sides[0]} x {sides[1]} pixels, a side of more than {LONGEST_SIDE}")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns the picture upright; None: nothing, or its EXIF data are broken, as they often are."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # Pillow raises nearly anything on malformed data
        return None


def _middle(image: Image.Image, short: int) -> Image.Image:
    """The middle of a thin picture: resized by its short side to ``short``, its long one would be of any
    length, of which a square is kept.
    """
    width, height = image.size
    side, longest = sorted(image.size)
    kept = side * min(_THIN, MOST_PIXELS // short**2)
    kept += (longest - kept) % 2  # as much from either end
    if longest <= kept:
        return image
    begin = (longest - kept) // 2
    return image.crop((begin, 0, begin + kept, height) if width > height else (0, begin, width, begin + kept))
