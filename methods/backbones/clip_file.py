"""Makes a CLIP's weights from a file fit open_clip's model."""

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
    """Loads weights into a CLIP.

    Position embeddings of pictures are resized (bicubic, antialiased), as open_clip does. Those of texts are
    not: a longer context is another model.

    Args:
        model: open_clip's model.
        state: Weights in the names of open_clip, OpenAI or Apple.

    Raises:
        ValueError: The weights do not fit. The message continues a sentence that begins with the weights'
            name.
    """
    wanted = model.state_dict()
    state = convert_state_dict(model, bare_names(state, wanted))
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    # These are buffers of older transformers, and of the modules in OpenAI's archive.
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
