"""The image tower: a timm vision transformer."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from timm.models import load_state_dict
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn

from .config import BackboneConfig, init_scale
from .load_reason import load_reason


def build_vision(config: BackboneConfig, image_size: int) -> VisionTransformer:
    """A headless vision transformer; its ``forward_features`` gives tokens (B, N, W), class token first.

    ``config`` is resolved. ``image_size``: side of the pictures, in pixels. Raises :class:`ValueError`, in
    one line, for a model that is no vision transformer, a picture that the patches do not tile, and weights
    that are not there or do not fit.
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
    elif config.image_weights != "timm":
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
    if not Path(path).is_file():
        raise ValueError(f"image_weights {path!r}: no such file (or say random, or timm)")
    try:
        state = checkpoint_filter_fn(load_state_dict(path, weights_only=True), model)
        model.load_state_dict({name: value for name, value in state.items() if not name.startswith("head.")})
    except Exception as error:  # a file can be broken in as many ways as there are formats
        reason = load_reason(error)
        raise ValueError(f"image_weights {path!r} do not fit the image tower: {reason}") from error
