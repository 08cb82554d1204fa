"""The frozen encoders of a configuration's method."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from methods import registry as methods
from methods.backbones.clip_config import ClipConfig
from methods.backbones.load_pairs import load_pairs
from methods.backbones.pair_config import PairConfig
from methods.common.importing import importing
from methods.method import Batch, ClassSpec, InputSpec

from ..config import RunConfig
from ..errors import UserError
from ..streams.stream import Stream
from .full_precision import full_precision

if TYPE_CHECKING:
    from methods.backbones.clip import Clip
    from methods.backbones.pair_encoder import PairEncoder
    from methods.vqa.triplet.queries import QueryModel


def frozen_backbone(config: RunConfig) -> ClipConfig | None:
    """Returns the CLIP whose image encoder the method never trains; None where the method trains its own."""
    return config.method.backbone if "image" in methods.get(config.method_name).frozen else None


def load_backbone(config: ClipConfig) -> Clip:
    """Returns the frozen CLIP of a configuration. A process loads it once.

    Raises:
        UserError: The CLIP cannot be loaded.
    """
    # These imports take seconds, so that they happen only where a CLIP is needed.
    with importing():
        from methods.backbones.clip import load_clip

    try:
        return load_clip(config)
    except ValueError as error:
        raise UserError(f"method.backbone: {error}") from error


def asks_queries(config: RunConfig) -> bool:
    """Returns whether the method uses what frozen encoders give for pictures with their texts: the
    prompt-free queries of an image-text model, or the rows of two towers.
    """
    return bool(methods.get(config.method_name).frozen & {"queries", "pairs"})


def asks_pictures(config: RunConfig) -> bool:
    """Returns whether the method reads pictures beside the queries or rows of :func:`asks_queries`."""
    return "pairs" not in methods.get(config.method_name).frozen


def load_queries(backbone: Any, spec: InputSpec) -> QueryModel | PairEncoder:
    """Returns the model that computes queries, or the rows of two towers, with a method's frozen
    ``backbone``. A process loads it once.

    Args:
        backbone: The backbone's configuration.
        spec: The sizes of the stream's inputs.

    Raises:
        UserError: The model cannot be loaded.
    """
    try:
        if isinstance(backbone, PairConfig):
            return load_pairs(backbone, spec)
        from methods.vqa.triplet.queries import load_query_encoder  # takes seconds to import

        return load_query_encoder(backbone, spec)
    except ValueError as error:
        raise UserError(f"method.backbone: {error}") from error


def encoder_fingerprint(config: RunConfig, spec: InputSpec | ClassSpec) -> str | None:
    """A text that is equal where the frozen encoders of a configuration's method are equal. None: the method
    trains its own.

    Args:
        config: A run's configuration.
        spec: What the method is told of its inputs.

    Raises:
        UserError: The encoders cannot be loaded.
    """
    backbone = frozen_backbone(config)
    if backbone is not None:
        return load_backbone(backbone).fingerprint
    if isinstance(spec, ClassSpec) or not asks_queries(config):
        return None
    return load_queries(config.method.backbone, spec).fingerprint


def views_of(config: RunConfig) -> int | None:
    """Returns V, the views of a picture that a frozen encoder sees; None where each step augments afresh."""
    return None if frozen_backbone(config) is None else config.run.views


def check_encoder(base: RunConfig, config: RunConfig) -> None:
    """Checks that a trial asks for the features of its sweep.

    Args:
        base: The sweep's configuration.
        config: The trial's configuration.

    Raises:
        UserError: The trial asks for other features.
    """
    if frozen_backbone(base) is None and not asks_queries(base):
        return
    for key, shared, asked in (
        ("method.backbone", base.method.backbone, config.method.backbone),
        ("run.views", base.run.views, config.run.views),
        ("run.feature_cache", base.run.feature_cache, config.run.feature_cache),
    ):
        if shared != asked:
            raise UserError(f"{key} {asked} is not the sweep's: allowed is {shared}, which all trials share")


def frozen_encoder(config: RunConfig, stream: Stream, device: torch.device | str) -> Callable[[Batch], Batch]:
    """Returns the function that puts ``Batch.feature`` in the place of ``Batch.image``.

    The features are float32 (B, D), rounded to float16. Kept features are rounded in the same way, so that
    both ways give the same numbers. The function leaves batches as they are where the method trains its own
    image encoder, or where ``stream`` has features.

    Args:
        config: A run's configuration.
        stream: The run's stream.
        device: Where pictures are encoded.
    """
    if frozen_backbone(config) is None or stream.tasks[0].splits["train"].feature is not None:
        return lambda batch: batch
    return image_encoder(config, device)


def image_encoder(config: RunConfig, device: torch.device | str) -> Callable[[Batch], Batch]:
    """As :func:`frozen_encoder`, for pictures that have not been encoded beforehand."""
    backbone = frozen_backbone(config)
    if backbone is None:
        return lambda batch: batch
    shared = load_backbone(backbone)  # one in a process, on whatever device it is used

    @full_precision()
    def encode(batch: Batch) -> Batch:
        clip = shared.to(device)
        batch.feature = clip.encode_image(batch.image).half().float()
        batch.image = None
        return batch

    return encode
