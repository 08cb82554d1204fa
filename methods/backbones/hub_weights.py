"""Names what a backbone takes from the Hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from .clip_config import ClipConfig
from .config import BackboneConfig
from .pair_config import PairConfig

_SAFETENSORS, _PICKLE = "model.safetensors", "pytorch_model.bin"
_SHARDED = ".index.json"  # behind a file's name: the list of the files that the weights are in
_OPEN_CLIP = "open_clip_pytorch_model.bin"
_ALTERNATIVE = {_PICKLE: _SAFETENSORS, _OPEN_CLIP: "open_clip_model.safetensors"}


class HubWeights(NamedTuple):
    """Weights on the Hub. None lie in a subfolder: no configuration can name one.

    Attributes:
        field: The field that asks for them.
        value: The field's value.
        repository: The Hub's repository.
        files: The files of which one has to be there, in the order in which the library looks for them.
        revision: The repository's revision; None: its newest.
        configured: Whether the repository's ``config.json`` may name another file.
    """

    field: str
    value: str
    repository: str
    files: tuple[str, ...]
    revision: str | None = None
    configured: bool = False


def hub_weights(backbone: Any) -> list[HubWeights]:
    """What a backbone takes from the Hub, or from the Hub's cache.

    The files are those that open_clip 3.3, timm 1.0 and transformers 5 look for.

    Args:
        backbone: The backbone's configuration.
    """
    if isinstance(backbone, PairConfig) and backbone.clip is not None:
        return hub_weights(backbone.clip)
    if isinstance(backbone, ClipConfig):
        return list(_clip(backbone))
    if flava := getattr(backbone, "flava", None):
        return list(_model("flava", flava))
    if isinstance(backbone, BackboneConfig):
        full = backbone.resolved()
        return list(_towers(full)) if full.weights == "towers" else []
    weights = getattr(backbone, "weights", None)
    return list(_model("weights", weights)) if isinstance(weights, str) and weights != "random" else []


def _clip(config: ClipConfig) -> Iterator[HubWeights]:
    """A tag of open_clip whose weights are on the Hub."""
    if config.model == "small" or config.pretrained == "random":
        return
    import open_clip

    tag = open_clip.get_pretrained_cfg(config.model.replace("/", "-"), config.pretrained)
    repository, _, file = tag.get("hf_hub", "").rpartition("/")
    if repository:  # neither a file's name, nor a tag whose weights have an address of their own
        files = _with_alternative(file or _OPEN_CLIP, (".bin", ".pth"))
        yield HubWeights("pretrained", config.pretrained, repository, files)


def _towers(config: BackboneConfig) -> Iterator[HubWeights]:
    if config.image_weights == "timm":
        yield from _timm(str(config.image_model))
    if config.text_weights != "random":
        yield from _model("text_weights", str(config.text_weights))


def _timm(name: str) -> Iterator[HubWeights]:
    import timm

    source, prefixed, identifier = name.partition(":")
    if prefixed:
        # The repository's config.json, which timm reads first, may name a file of any name.
        if source in ("hf-hub", "hf_hub"):
            yield _of_timm(identifier, ("config.json",))
        return
    try:
        known = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:  # timm has no such model, and says so itself
        return
    if known is not None and known.hf_hub_id:
        yield _of_timm(known.hf_hub_id, _with_alternative(known.hf_hub_filename or _PICKLE, (".bin",)))


def _of_timm(identifier: str, files: tuple[str, ...]) -> HubWeights:
    repository, _, revision = identifier.partition("@")
    return HubWeights("image_weights", "timm", repository, files, revision or None)


def _model(field: str, name: str) -> Iterator[HubWeights]:
    """A model of transformers by its name. A folder is none."""
    if not os.path.isdir(os.path.expanduser(name)):
        files = tuple(file + end for file in (_SAFETENSORS, _PICKLE) for end in ("", _SHARDED))
        yield HubWeights(field, name, name, files, configured=True)


def _with_alternative(file: str, endings: tuple[str, ...]) -> tuple[str, ...]:
    """A file, after the safetensors that are taken in its place where they are there."""
    if file in _ALTERNATIVE:
        return _ALTERNATIVE[file], file
    return (f"{file[:-4]}.safetensors", file) if file.endswith(endings) else (file,)
