"""Decodes bytes to pixels."""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import nullcontext

import numpy as np
from PIL import ExifTags, Image

from ..random_crop import random_crops
from .eight_bits import eight_bits

MOST_PIXELS, LONGEST_SIDE = 89_478_485, 65_535
"""The most pixels, and the longest side, of a picture that is decoded.

Pillow warns of more pixels, each of which it holds in up to 8 bytes. The side is the longest that JPEG knows.
A file of a few kilobytes can ask for any number of pixels.
"""

# The formats that the endings of picture files stand for. One of Pillow's other formats (EPS) starts another
# program, and some hold pictures of another size than they claim.
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM")

_LARGE = 20_000_000  # pixels
_THIN = 8  # times as long as high, or as high as long
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

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # such a picture is refused below
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")  # broken EXIF data


def decode(
    encoded: bytes | memoryview, size: int, crop: bool = False, draws: np.ndarray | None = None
) -> np.ndarray:
    """Decodes a picture to RGB and resizes it (bicubic, antialiased) to a square.

    The sides are resized independently, as CTP's released test transform does (``Resize((S, S))``): rows of
    one array need one shape, and P9D's product pictures are square. The picture is turned upright as its EXIF
    orientation says. Grey of 16 bits loses its lower eight bits.

    Args:
        encoded: The file's bytes.
        size: The side S in pixels.
        crop: Whether the short side is resized to S and the centre kept instead, as CLIP's transform does.
        draws: float64 (:data:`.random_crop.CROP_DRAWS`,) in [0, 1): a random part of the picture is cut out
            in its original size and then resized (:func:`.random_crop.random_crops`). None: the picture is
            not cropped at random.

    Returns:
        uint8 (S, S, 3).

    Raises:
        ValueError: The bytes are no whole JPEG, PNG, WebP, AVIF, BMP, GIF, TIFF or PPM; the picture exceeds
            :data:`MOST_PIXELS` or :data:`LONGEST_SIDE`; or its pixels are whole numbers of 32 bits or
            fractions, for which it is not known which number is white. The message is the reason, in one
            line.
    """
    if crop:  # torchvision is imported only here; an import error must not count as a bad picture
        from torchvision.transforms import functional as F
    try:
        with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
            _check(image.size)
            # A large picture takes up to 0.7 GB, so that only one thread at a time may decode one.
            with _ONE_AT_A_TIME if image.size[0] * image.size[1] > _LARGE else nullcontext():
                image.load()
                turn = _turn(image)
                image = eight_bits(image).convert("RGB")
                if crop:
                    image = _middle(image, size)
                if turn is not None:
                    image = image.transpose(turn)
                if draws is not None:
                    ((top, left, height, width),) = random_crops(draws[None], image.height, image.width)
                    image = image.crop((left, top, left + width, top + height))
                if crop:
                    image = F.center_crop(F.resize(image, size, F.InterpolationMode.BICUBIC), size)
                elif image.size != (size, size):
                    image = image.resize((size, size), Image.Resampling.BICUBIC)
            return np.asarray(image)
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise ValueError(f"more than {MOST_PIXELS} pixels") from None
    except Exception as error:  # Pillow's plugins raise many types of errors on malformed bytes
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
    """The operation that turns the picture upright. None: it is upright, or its EXIF data are broken, as they
    often are.
    """
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # Pillow raises nearly anything on malformed data
        return None


def _middle(image: Image.Image, short: int) -> Image.Image:
    """Cuts out the middle of a thin picture. With its short side resized to ``short`` its long side could
    have any length, and only a square is kept of it.
    """
    width, height = image.size
    side, longest = sorted(image.size)
    kept = side * min(_THIN, MOST_PIXELS // short**2)
    kept += (longest - kept) % 2  # the same at either end
    if longest <= kept:
        return image
    begin = (longest - kept) // 2
    return image.crop((begin, 0, begin + kept, height) if width > height else (0, begin, width, begin + kept))
