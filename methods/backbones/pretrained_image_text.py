"""Loads the image-text model, with weights for the whole of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..method import InputSpec
from .config import WORLD_WEIGHTS, BackboneConfig
from .fit import bare_names, check_fit
from .grid_side import grid_side
from .image_text import ImageTextModel
from .weights_file import read_weights

_ALBEF_NAMES = {
    "visual_encoder.": "vision.",
    "text_encoder.bert.embeddings.": "bert.embeddings.",
    "text_encoder.cls.predictions.transform.": "bert.head.",
    "text_encoder.cls.predictions.bias": "bert.bias",
    "vision_proj.": "image_projection.",
    "text_proj.": "text_projection.",
}
_ALBEF_LAYER = re.compile(r"text_encoder\.bert\.encoder\.layer\.(\d+)\.")
# These are the parts that only ALBEF's pretraining needs, and a duplicate: the decoder's matrix is the word
# embeddings.
_ALBEF_IGNORED = re.compile(
    r"\w+_m\.|(image|text|idx)_queue$|queue_ptr$|temp$|itm_head\.|"
    r"text_encoder\.bert\.embeddings\.position_ids$|text_encoder\.cls\.predictions\.decoder\."
)
_PATCHES = "vision.pos_embed"
_TOKENS = "bert.embeddings.position_embeddings.weight"
_WORDS = "bert.embeddings.word_embeddings.weight"

_State = Mapping[str, Tensor]


def load_image_text(config: BackboneConfig, spec: InputSpec, embed_dim: int) -> ImageTextModel:
    """Returns the model that ``config`` asks for, with its weights, on the CPU. No part of it is frozen.

    With ``config.weights`` of ``towers``, each tower has its own weights. Otherwise the weights are those of
    the whole model: ``world``, or a file with the names of :class:`ImageTextModel` or of ALBEF's pretrained
    checkpoints (Li et al., NeurIPS 2021). The momentum copies, queues, temperature and matching head of
    ALBEF's checkpoints are left out. Position embeddings of pictures are resized as in ALBEF's code
    (bicubic); those of texts are cut to ``spec.max_tokens``.

    Args:
        config: The sizes, and where the weights come from.
        spec: The sizes of the inputs.
        embed_dim: D, the width of the shared space.

    Raises:
        ValueError: There is no such file; the weights do not fit the model, the tokenizer or ``embed_dim``;
            or a number is not finite. The message has one line.
    """
    full = config.resolved()
    if full.weights == "towers":
        return ImageTextModel(config, spec, embed_dim)
    random = replace(full, weights="towers", image_weights="random", text_weights="random")
    model = ImageTextModel(random, spec, embed_dim)
    try:
        wanted = model.state_dict()
        path = WORLD_WEIGHTS if full.weights == "world" else Path(os.path.expanduser(full.weights))
        if not path.is_file():
            raise ValueError("are no file (or say world, or towers)")
        state = bare_names(read_weights(path), wanted)
        if any(name.startswith("text_encoder.") for name in state):
            state = _from_albef(state, full.fusion_layer)
        state = {name: _resized(name, value, wanted) for name, value in state.items()}
        _check(state, wanted)
    except ValueError as error:
        raise ValueError(f"weights {full.weights!r} {error}") from error
    model.load_state_dict(state)
    return model


def _from_albef(state: _State, fusion_layer: int) -> _State:
    renamed = {}
    for name, value in state.items():
        if _ALBEF_IGNORED.match(name):
            continue
        if layer := _ALBEF_LAYER.match(name):
            number = int(layer[1])
            part = (
                f"text_layers.{number}" if number < fusion_layer else f"fusion_layers.{number - fusion_layer}"
            )
            name = f"bert.{part}.{name[layer.end() :]}"
        else:
            old = next((old for old in _ALBEF_NAMES if name.startswith(old)), "")
            name = _ALBEF_NAMES.get(old, "") + name.removeprefix(old)
        renamed[name] = value
    return renamed


def _resized(name: str, value: Tensor, wanted: _State) -> Tensor:
    if name == _TOKENS and value.ndim == 2 and len(value) > len(wanted[name]):
        return value[: len(wanted[name])]
    if name == _PATCHES and value.ndim == 3 and value.shape[1] != wanted[name].shape[1]:
        return _resized_patches(value, wanted[name].shape[1])
    return value


def _resized_patches(value: Tensor, tokens: int) -> Tensor:
    """(1, 1 + n^2, W) -> (1, ``tokens``, W): the class token's row, then the patches' rows, row by row of the
    grid.
    """
    old, new = grid_side("pos_embed", value.shape[1]), grid_side("pos_embed", tokens)
    patches = value[:, 1:].unflatten(1, (old, old)).permute(0, 3, 1, 2)
    patches = F.interpolate(patches, size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([value[:, :1], patches.flatten(2).transpose(1, 2)], 1)


def _check(state: _State, wanted: _State) -> None:
    """Raises a :class:`ValueError` whose message continues a sentence that begins with the weights' name."""
    for name, fits in (
        (_WORDS, "have {} words, the tokenizer {}: take both from one source"),
        (_TOKENS, "read {} tokens, not {}"),
        ("text_projection.weight", "have embed_dim {}, not {}"),
    ):
        if name in state and state[name].ndim == 2 and len(state[name]) != len(wanted[name]):
            raise ValueError(fits.format(len(state[name]), len(wanted[name])))
    check_fit(state, wanted)
