"""A CLIP's weights from a file, made to fit open_clip's model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from open_clip.convert import convert_state_dict
from open_clip.model import convert_to_custom_text_state_dict, resize_pos_embed
from torch import Tensor, nn

from .fit import bare_names, check_fit
from .grid_side import grid_side

_PATCHES = "visual.positional_embedding"
_SCALARS = ("logit_scale", "logit_bias")


def fit_clip(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Loads ``state``, in open_clip's names, OpenAI's or Apple's, into ``model``.

    Position embeddings of pictures are resized (bicubic, antialiased), as open_clip does; those of texts are
    not: a longer context is another model. Raises :class:`ValueError` with what a sentence that begins with
    the weights' name goes on with.
    """
    wanted = model.state_dict()
    state = convert_state_dict(model, bare_names(state, wanted))
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    # Buffers of older transformers, and of the modules that OpenAI's archive holds.
    state = {
        name: value
        for name, value in state.items()
        if name in wanted or not name.endswith((".position_ids", ".attn_mask"))
    }
    for name in _SCALARS:
        if name in state and name in wanted and state[name].numel() == 1:
            state[name] = state[name].reshape(wanted[name].shape)
    if "logit_bias" in wanted and "logit_scale" in state:
        state.setdefault("logit_bias", torch.zeros_like(wanted["logit_bias"]))
    if _PATCHES in state and _PATCHES in wanted and len(state[_PATCHES]) != len(wanted[_PATCHES]):
        grid_side(_PATCHES, len(state[_PATCHES]))
        resize_pos_embed(state, model)
    check_fit(state, wanted)
    model.load_state_dict(state)
