"""Loads the two frozen towers of a configuration."""

from __future__ import annotations

from dataclasses import fields

import torch

from ..common.importing import importing
from ..method import CaptionSpec, InputSpec
from .loaded_once import LoadedOnce
from .pair_config import PairConfig
from .pair_encoder import PairEncoder

_EMBED_DIM = 256
"""The width of the space that pictures and texts share in ALBEF's weights and the package's."""


def load_pairs(config: PairConfig, spec: InputSpec) -> PairEncoder:
    """Returns the two towers that ``config`` asks for, on the CPU. A process has one of each, which all who
    ask share.

    Random weights are the same in every process, since no checkpoint holds them. torch's global generator is
    left as it was.

    Args:
        config: Which towers are wanted.
        spec: The sizes of the inputs. For a CLIP it is a :class:`~methods.method.CaptionSpec`, which tells
            how token rows become text.

    Raises:
        ValueError: There are no such weights, or they do not fit. The message has one line.
    """
    if config.clip is None:
        return _towers(config, InputSpec(*(getattr(spec, field.name) for field in fields(InputSpec))))
    assert isinstance(spec, CaptionSpec)  # as every stream of retrieval has it
    with importing():
        from .clip import load_clip
        from .clip_pairs import ClipPairs

    return ClipPairs(load_clip(config.clip), spec.detokenize)


@LoadedOnce
def _towers(config: PairConfig, spec: InputSpec) -> PairEncoder:
    with importing():
        from .pretrained_image_text import load_image_text
        from .tower_pairs import TowerPairs

    with torch.random.fork_rng(devices=[]):
        # This is not torch.manual_seed, which would seed the GPUs' generators too.
        torch.default_generator.manual_seed(0)
        return TowerPairs(load_image_text(config, spec, _EMBED_DIM))
