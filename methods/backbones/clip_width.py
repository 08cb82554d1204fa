"""The width of a CLIP's features, without the CLIP."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from .clip_config import ClipConfig

_SMALL = 128  # embed_dim of the CLIP that comes with the package


def clip_width(config: ClipConfig) -> int | None:
    """Returns D, the width of the space that pictures and texts share; None where it is not known.

    The width of a named model is read from open_clip's own description. open_clip itself, which takes seconds
    to import, is not imported.
    """
    if config.model == "small":
        return _SMALL
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        return None
    name = config.model.replace("/", "-")  # as open_clip does
    try:
        described = json.loads((Path(package.origin).parent / "model_configs" / f"{name}.json").read_text())
        return int(described["embed_dim"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
