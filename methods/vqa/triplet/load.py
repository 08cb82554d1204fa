"""Loads frozen encoders by their configuration."""

from __future__ import annotations

from dataclasses import fields

import torch

from ...backbones.loaded_once import LoadedOnce
from ...common.importing import importing
from ...method import InputSpec
from .backbone_config import FrozenBackboneConfig
from .frozen_backbone import FrozenBackbone

_EMBED_DIM = 256
"""The width of the space that pictures and texts share in ALBEF's weights and the package's. It is not used
here.
"""


def load_frozen(config: FrozenBackboneConfig, spec: InputSpec) -> FrozenBackbone:
    """Returns the frozen encoders that ``config`` asks for. A process has one of each, which all who ask
    share.

    Random weights are the same in every process, since no checkpoint holds them. torch's global generator is
    left as it was.

    Args:
        config: Which encoders are wanted.
        spec: The sizes of the inputs.

    Raises:
        ValueError: There are no such weights, or they do not fit. The message has one line.
    """
    # A QuestionSpec says more than an InputSpec; the rest does not matter here.
    return _load(config, InputSpec(*(getattr(spec, f.name) for f in fields(InputSpec))))


@LoadedOnce
def _load(config: FrozenBackboneConfig, spec: InputSpec) -> FrozenBackbone:
    with torch.random.fork_rng(devices=[]):
        # This is not torch.manual_seed, which would seed the GPUs' generators too.
        torch.default_generator.manual_seed(0)
        if config.flava is not None:
            with importing():
                from .flava import load_flava

            return load_flava(config.flava, spec)
        with importing():
            from ...backbones.pretrained_image_text import load_image_text
            from .albef import AlbefBackbone

        return AlbefBackbone(load_image_text(config, spec, _EMBED_DIM))
