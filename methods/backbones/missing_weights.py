"""Finds weights that a configuration names by a path where there are none."""

from __future__ import annotations

import os
from typing import Any

_FIELDS = ("pretrained", "weights", "image_weights", "text_weights")
FILE_ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy")


def missing_weights(backbone: Any) -> str | None:
    """Describes the first field of a backbone's configuration that names a file or folder which does not
    exist.

    Tags and names on the Hub are not looked at.

    Args:
        backbone: The backbone's configuration.

    Returns:
        One line; None where all files and folders exist.
    """
    # A FLAVA replaces the model that the other fields describe.
    fields = ("flava",) if getattr(backbone, "flava", None) else _FIELDS
    for field in fields:
        value = getattr(backbone, field, None)
        if isinstance(value, str) and _is_place(value) and not os.path.exists(os.path.expanduser(value)):
            return f"{field} {value!r}: no such file or folder"
    return None


def _is_place(value: str) -> bool:
    return value.startswith((os.sep, "~", ".")) or value.endswith(FILE_ENDINGS)
