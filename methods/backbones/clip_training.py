"""Finds out how the weights of a file were trained, where their numbers do not tell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import open_clip

PLAIN = "plain"
"""Weights to which open_clip's model was trained without a tag: with its own activation and CLIP's
normalisation.
"""

OPENAI_EXTRA = frozenset({"input_resolution", "context_length", "vocab_size"})
"""What OpenAI's archives hold beside weights."""

_COUNTS = ("quick_gelu", "mean", "std", "interpolation")


def how_trained(model: str, trained_as: str | None, names: Collection[str]) -> dict[str, Any]:
    """Returns open_clip's notes on the tag that a file's weights belong to.

    Args:
        model: The model's name.
        trained_as: The tag, ``plain``, or None. With None the file decides, where its names tell (OpenAI's
            archive is recognised by them), else what all tags of ``model`` have in common.
        names: The names of the file's tensors.

    Returns:
        The activation (``quick_gelu``), ``mean``, ``std`` and ``interpolation``; empty where the model is as
        it is without a tag.

    Raises:
        ValueError: The tag is unknown, or ``trained_as`` is None and the tags differ. The message has one
            line.
    """
    tags = {
        tag: open_clip.get_pretrained_cfg(model, tag)
        for tag in open_clip.list_pretrained_tags_by_model(model)
    }
    if trained_as == PLAIN:
        return {}
    if trained_as is not None:
        if config := open_clip.get_pretrained_cfg(model, trained_as):
            return config
        raise ValueError(
            f"trained_as {trained_as!r} is unknown for {model}: allowed are {', '.join([*tags, PLAIN])}"
        )
    if names >= OPENAI_EXTRA:
        return tags.get("openai", {"quick_gelu": True})
    kinds = {repr([notes.get(name) for name in _COUNTS]): tag for tag, notes in reversed(tags.items())}
    if len(kinds) > 1:
        one_each = [tag for tag in tags if tag in kinds.values()]
        raise ValueError(
            f"{model} was trained with different activations or normalisations, and the file does not say "
            f"with which: set trained_as to the tag that it is of ({', '.join(one_each)} differ), or to "
            f"{PLAIN}, open_clip's model without a tag; "
            "see docs/reference/backbones.md#a-frozen-clip-recognition"
        )
    return next(iter(tags.values()), {})
