"""The image tower: a timm vision transformer."""

from __future__ import annotations

import os
from pathlib import Path

import timm
import torch
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from torch import Tensor

from .config import BackboneConfig, init_scale
from .fit import bare_names, check_finite, check_fit
from .grid_side import grid_side
from .load_reason import load_reason
from .weights_file import read_weights

_PATCHES = "patch_embed.proj.weight"
_PLACES = "pos_embed"


def build_vision(config: BackboneConfig, image_size: int) -> VisionTransformer:
    """Builds a vision transformer without a head.

    Its ``forward_features`` gives tokens (B, N, W), the class token first.

    Args:
        config: The resolved configuration.
        image_size: The side of the pictures, in pixels.

    Raises:
        ValueError: The model is no vision transformer, the patches do not tile a picture, or the weights do
            not exist, do not fit or are not finite. The message has one line.
    """
    if image_size % config.patch_size:
        raise ValueError(f"image size {image_size} must be a multiple of patch_size {config.patch_size}")
    wanted = f"image_model {config.image_model!r}"
    try:
        model = timm.create_model(
            config.image_model,
            pretrained=config.image_weights == "timm",
            num_classes=0,
            img_size=image_size,
            patch_size=config.patch_size,
            embed_dim=config.image_width,
            depth=config.image_depth,
            num_heads=config.image_heads,
            mlp_ratio=config.mlp_ratio,
        )
    except Exception as error:  # timm, the Hub's client and its transport each raise their own
        if config.image_weights == "timm":
            wanted += " with timm's weights (or set image_weights to a file, or to random)"
        raise ValueError(f"cannot make {wanted}: {load_reason(error)}") from error
    if not isinstance(model, VisionTransformer) or model.cls_token is None:
        raise ValueError(f"{wanted} must be a timm vision transformer with a class token")
    if config.image_weights == "random":
        _widen(model, init_scale(config.image_width))
    elif config.image_weights == "timm":
        try:
            check_finite(model.state_dict())
        except ValueError as error:
            raise ValueError(f"timm's weights of {wanted} {error}") from error
    else:
        _load(model, config.image_weights)
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = config.attention == "sdpa"
    return model


@torch.no_grad()
def _widen(model: VisionTransformer, scale: float) -> None:
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and name.startswith(("blocks.", "pos_embed")):
            parameter.mul_(scale)


def _load(model: VisionTransformer, path: str) -> None:
    file = Path(os.path.expanduser(path))
    if not file.is_file():
        raise ValueError(f"image_weights {path!r}: no such file (or say random, or timm)")
    wanted = model.state_dict()
    try:
        state = _converted(bare_names(read_weights(file), wanted), model)
        state = {name: value for name, value in state.items() if not name.startswith("head.")}
        check_fit(state, wanted)
    except ValueError as error:
        raise ValueError(f"image_weights {path!r} do not fit the image tower: they {error}") from error
    model.load_state_dict(state)


def _converted(state: dict[str, Tensor], model: VisionTransformer) -> dict[str, Tensor]:
    wanted = model.state_dict()
    patches, places = state.get(_PATCHES), state.get(_PLACES)
    if patches is not None and patches.ndim == 4:
        # timm would resize patches of another side, but such patches were not asked for.
        check_fit({_PATCHES: patches}, {_PATCHES: wanted[_PATCHES]})
    if places is not None and places.ndim == 3 and places.shape[1] != wanted[_PLACES].shape[1]:
        grid_side(_PLACES, places.shape[1])
    try:
        return checkpoint_filter_fn(state, model)
    except Exception as error:  # timm's asserts, and what its reshapes raise
        raise ValueError(f"cannot be converted: {load_reason(error)}") from error
