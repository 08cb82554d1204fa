"""Encoded bytes to pixels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def decode(encoded: bytes | memoryview, size: int, crop: bool = False) -> np.ndarray:
    """uint8 (S, S, 3), S = ``size``: the picture as RGB, resized (bicubic, antialiased) to a square.

    The sides are resized independently, as CTP's released test transform does (``Resize((S, S))``): rows of
    one array need one shape, and P9D's product pictures are square. With ``crop`` the short side is resized
    to S and the centre kept, as CLIP's transform does.

    Raises :class:`ValueError`, one line with the reason, for bytes that are no whole picture.
    """
    if crop:  # else torchvision is not imported; outside of what is taken for a bad picture
        from torchvision.transforms import functional as F
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image = image.convert("RGB")
            if crop:
                image = F.center_crop(F.resize(image, size, F.InterpolationMode.BICUBIC), size)
            elif image.size != (size, size):
                image = image.resize((size, size), Image.Resampling.BICUBIC)
            return np.asarray(image)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything on malformed bytes
        reason = (
            "not a picture of a known format"
            if isinstance(error, Image.UnidentifiedImageError)
            else str(error)
        )
        raise ValueError(" ".join(reason.split())) from None
