"""Finds weights that a configuration asks for and that are not there."""

from __future__ import annotations

import os
from typing import Any

from .clip_check import check_clip
from .clip_config import ClipConfig
from .config import WORLD_WEIGHTS, BackboneConfig
from .lfs_pointer import lfs_pointer
from .pair_config import PairConfig
from .weights_file import FILE_ENDINGS

_FIELDS = ("pretrained", "weights", "image_weights", "text_weights")


def missing_weights(backbone: Any) -> str | None:
    """Describes the first weights of a backbone that are not on this machine although they have to be: a file
    or folder that does not exist, a folder without a model of transformers, a tag that open_clip does not
    know, or shipped weights that are gone.

    Names on the Hub and tags that open_clip knows are not looked for
    (:func:`~.unreachable_weights.unreachable_weights`).

    Args:
        backbone: The backbone's configuration.

    Returns:
        One line, which begins with the field; None where all are there.
    """
    if isinstance(backbone, PairConfig) and backbone.clip is not None:
        return missing_weights(backbone.clip)
    for field in _fields(backbone):
        value = getattr(backbone, field, None)
        if not isinstance(value, str):
            continue
        path = os.path.expanduser(value)
        if _is_place(value) and not os.path.exists(path):
            return f"{field} {value!r}: no such file or folder"
        if field in _folders(backbone) and os.path.isdir(path) and (problem := _folder_problem(path)):
            return f"{field} {value!r}: {problem}"
    if isinstance(backbone, ClipConfig):
        return _clip(backbone)
    if isinstance(backbone, BackboneConfig) and not getattr(backbone, "flava", None):
        return _image_text(backbone)
    return None


def _fields(backbone: Any) -> tuple[str, ...]:
    # A FLAVA replaces the model that the other fields describe.
    return ("flava",) if getattr(backbone, "flava", None) else _FIELDS


def _folders(backbone: Any) -> tuple[str, ...]:
    """The fields that may name a folder of transformers."""
    if isinstance(backbone, BackboneConfig | ClipConfig):
        return "flava", "text_weights"
    return ("weights",)


def _folder_problem(path: str) -> str | None:
    names = os.listdir(path)
    if "config.json" not in names:
        return "the folder has no config.json"
    if not any(name.endswith(FILE_ENDINGS) for name in names):
        return f"the folder has no weights, a file that ends in one of {', '.join(FILE_ENDINGS[:4])}"
    return lfs_pointer(path)


def _clip(config: ClipConfig) -> str | None:
    try:
        check_clip(config)
    except ValueError as error:
        return str(error)
    return None


def _image_text(config: BackboneConfig) -> str | None:
    full = config.resolved()
    if full.weights == "world":
        gone = f"weights 'world': {WORLD_WEIGHTS}, which is shipped, is gone; install again"
        return None if WORLD_WEIGHTS.is_file() else gone
    if full.weights != "towers":
        named, value, others = "weights", str(full.weights), "world, towers"
    elif full.image_weights not in ("random", "timm"):
        named, value, others = "image_weights", str(full.image_weights), "random, timm"
    else:
        return None
    if os.path.isfile(os.path.expanduser(value)):
        return None
    return f"{named} {value!r}: no such file; allowed are {others}, or a weights file"


def _is_place(value: str) -> bool:
    return value.startswith((os.sep, "~", ".")) or value.endswith(FILE_ENDINGS)
