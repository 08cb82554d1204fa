"""Finds weights that are neither in a cache of this machine nor to be had from the Hub."""

from __future__ import annotations

import os
from threading import Thread
from typing import Any, NamedTuple

from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError

from .clip_config import ClipConfig
from .config import BackboneConfig
from .load_reason import load_reason

_TRANSFORMERS = tuple(
    f"{name}{index}"
    for name in ("model.safetensors", "pytorch_model.bin")
    for index in ("", ".index.json")  # where the weights are in several files
)
_OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", *_TRANSFORMERS)
_SECONDS = 10  # that the Hub may take to answer


class HubWeights(NamedTuple):
    """Weights on the Hub.

    Attributes:
        field: The field that asks for them.
        value: The field's value.
        repository: The Hub's repository.
        files: The files of which one has to be there.
    """

    field: str
    value: str
    repository: str
    files: tuple[str, ...]


def unreachable_weights(backbone: Any) -> str | None:
    """Describes the first weights of a backbone that would be downloaded and cannot be: they are not in the
    Hub's cache, and the Hub does not answer or does not have them. Nothing is downloaded.

    Args:
        backbone: The backbone's configuration, of which :func:`~.missing_weights.missing_weights` finds
            nothing.

    Returns:
        One line, which begins with the field; None where there are none.
    """
    for weights in hub_weights(backbone):
        if any(isinstance(try_to_load_from_cache(weights.repository, file), str) for file in weights.files):
            continue
        if reason := _unreachable(weights):
            return (
                f"{weights.field} {weights.value!r}: {weights.files[0]} of the Hub's {weights.repository} is "
                f"not in this machine's cache, and cannot be fetched ({reason}); allowed: a file or folder"
            )
    return None


def hub_weights(backbone: Any) -> list[HubWeights]:
    """What a backbone takes from the Hub, or from the Hub's cache.

    Args:
        backbone: The backbone's configuration.
    """
    if isinstance(backbone, ClipConfig):
        return _clip(backbone)
    if flava := getattr(backbone, "flava", None):
        return _model("flava", flava)
    if isinstance(backbone, BackboneConfig):
        full = backbone.resolved()
        return _towers(full) if full.weights == "towers" else []
    weights = getattr(backbone, "weights", None)
    return _model("weights", weights) if isinstance(weights, str) and weights != "random" else []


def _clip(config: ClipConfig) -> list[HubWeights]:
    if config.model == "small" or config.pretrained == "random":
        return []
    import open_clip

    tag = open_clip.get_pretrained_cfg(config.model.replace("/", "-"), config.pretrained)
    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    if not repository:  # a file's name, or a tag whose weights have an address of their own
        return []
    return [HubWeights("pretrained", config.pretrained, repository, (file,) if file else _OPEN_CLIP)]


def _towers(config: BackboneConfig) -> list[HubWeights]:
    found = []
    if config.image_weights == "timm":
        import timm

        try:
            known = timm.get_pretrained_cfg(config.image_model, allow_unregistered=False)
        except RuntimeError:  # timm has no such model, and says so itself
            known = None
        if known is not None and known.hf_hub_id:
            files = (known.hf_hub_filename,) if known.hf_hub_filename else _TRANSFORMERS
            found.append(HubWeights("image_weights", "timm", known.hf_hub_id, files))
    if config.text_weights != "random":
        found += _model("text_weights", str(config.text_weights))
    return found


def _model(field: str, name: str) -> list[HubWeights]:
    """A model of transformers by its name. A folder is none."""
    if os.path.isdir(os.path.expanduser(name)):
        return []
    return [HubWeights(field, name, name, _TRANSFORMERS)]


def _unreachable(weights: HubWeights) -> str | None:
    """Why none of the files can be had; None: one can.

    The Hub's client tries again, for minutes where no network answers, whatever its own limit is.
    """
    said: list[str | None] = []
    asking = Thread(target=lambda: said.append(_refusal(weights)), daemon=True)
    asking.start()
    asking.join(_SECONDS)
    return said[0] if said else f"the Hub did not answer within {_SECONDS:g} seconds"


def _refusal(weights: HubWeights) -> str | None:
    """Why the Hub has none of the files; None: it has one."""
    reason = None
    for file in weights.files:
        try:
            get_hf_file_metadata(hf_hub_url(weights.repository, file), timeout=_SECONDS)
        except Exception as error:  # noqa: BLE001 - the Hub's client and its transport each raise their own
            reason = reason or load_reason(error)
            if not isinstance(error, EntryNotFoundError):
                return reason
        else:
            return None
    return reason
