"""Checks that there are the CLIP and the weights that a configuration asks for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches

from .clip_config import ClipConfig
from .config import CLIP_WEIGHTS
from .weights_file import FILE_ENDINGS


def check_clip(config: ClipConfig) -> None:
    """Checks the model's name, the weights' tag, and that a weights file exists. Nothing is read.

    Args:
        config: Which CLIP is wanted.

    Raises:
        ValueError: There is no such model, tag or file. The message has one line.
    """
    if config.model == "small":
        known = ["world", "random"]
    else:
        import open_clip  # it takes seconds, which the shipped CLIP does not need

        name = config.model.replace("/", "-")
        if name not in open_clip.list_models():
            raise ValueError(_unknown_model(config.model, open_clip.list_models()))
        known = [*open_clip.list_pretrained_tags_by_model(name), "random"]
        if open_clip.get_pretrained_cfg(name, config.pretrained):
            return
    if config.pretrained == "random":
        return
    if (config.model, config.pretrained) == ("small", "world"):
        if not CLIP_WEIGHTS.is_file():
            raise ValueError(f"pretrained 'world': {CLIP_WEIGHTS}, which is shipped, is gone; install again")
        return
    path = os.path.expanduser(config.pretrained)
    if os.path.isfile(path):
        return
    if os.path.isdir(path):
        raise ValueError(f"pretrained {config.pretrained!r}: is a folder, allowed: the weights file in it")
    if os.sep in path or path.endswith(FILE_ENDINGS):
        raise ValueError(f"pretrained {config.pretrained!r}: no such file")
    raise ValueError(
        f"pretrained {config.pretrained!r} is unknown for {config.model}: allowed are {', '.join(known)} or "
        "a weights file"
    )


def _unknown_model(name: str, names: Sequence[str]) -> str:
    lower = {n.lower(): n for n in names}
    near = [lower[n] for n in get_close_matches(name.lower(), lower, n=4, cutoff=0.5)]
    allowed = f"nearest are {', '.join(near)}" if near else f"as {names[0]}"
    return f"model {name!r} is unknown: allowed are small and open_clip's {len(names)} models, {allowed}"
