"""Says what a shipped model has seen of a stream in its pretraining."""

from __future__ import annotations

from collections.abc import Iterator

from methods.backbones.clip_config import ClipConfig
from methods.backbones.config import BackboneConfig
from methods.backbones.pair_config import PairConfig

from ..config import RunConfig
from ..streams.source import StreamSource
from ..streams.synthetic.families import family
from ..streams.synthetic.family_split import PRETRAINING

_MOST_NAMED = 8


def seen_in_pretraining(config: RunConfig, source: StreamSource) -> Iterator[str]:
    """Says which of the stream's families of things the configuration's model was pretrained on.

    Args:
        config: A run's configuration.
        source: The stream.

    Yields:
        One line, where the model comes with the package and has seen any of the stream's families. It names
        the first eight.
    """
    model = _shipped(getattr(config.method, "backbone", None))
    seen = [family(index).name for index in source.families if index in PRETRAINING]
    if model and seen:
        more = ", ..." if len(seen) > _MOST_NAMED else ""
        yield (
            f"seen in pretraining: the shipped {model} knows {len(seen)} of the stream's "
            f"{len(source.families)} families of things: {', '.join(seen[:_MOST_NAMED])}{more}"
        )


def _shipped(backbone: object) -> str:
    """The name of the shipped model whose weights are used; empty where other weights are used."""
    if isinstance(backbone, PairConfig) and backbone.clip is not None:
        return _shipped(backbone.clip)
    if isinstance(backbone, ClipConfig):
        return "CLIP" if backbone.pretrained == "world" else ""
    if isinstance(backbone, BackboneConfig) and getattr(backbone, "flava", None) is None:
        return "image-text model" if backbone.resolved().weights == "world" else ""
    return ""
