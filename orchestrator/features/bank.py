"""The features of a stream under a frozen CLIP."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from methods.method import ClassSpec

from ..config import RunConfig
from ..seeding import VIEWS_SEED
from ..streams.prepare import prepare
from ..streams.source import StreamSource
from ..streams.stream import Stream
from .builder import Builder, Runner, Say, pictures_of
from .clip_facts import ClipFacts, clip_facts
from .encoded import FrozenFeatures
from .encoder import Encoder
from .frozen import frozen_backbone, load_backbone
from .prompts import Prompts


@dataclass(frozen=True)
class Bank:
    """The features of a stream under a frozen CLIP.

    Attributes:
        encoded: The arrays ``feature``, float16 (N, D); ``views``, float16 (N_train, V, D), unless the
            stream's transform leaves pictures as they are; ``herding``, int32 (N_train,), see
            :class:`~orchestrator.streams.stream.Stream`.
        classes: The stream's classes with their text features.
    """

    encoded: FrozenFeatures
    classes: ClassSpec

    def stream(self, source: StreamSource, skip_bad: bool) -> Stream:
        """Returns ``source`` prepared for training, with features beside its pictures.

        Args:
            source: The stream's source.
            skip_bad: Whether bad records may be left out.

        Returns:
            The stream, without the rows that were left out of the features.
        """
        stream = self.encoded.beside(prepare(source, self.classes, skip_bad))
        stream.views, stream.herding = self.encoded.open("views"), self.encoded.open("herding")
        return stream


def open_bank(
    config: RunConfig,
    source: StreamSource,
    root: Path,
    say: Say,
    run: Runner,
    ordered: Path | None = None,
) -> Bank:
    """Returns the features of ``source`` under the frozen CLIP of ``config``.

    The features are kept under ``root`` from an earlier run, or ``run`` encodes them now. The names of their
    folders are hashes of all that decides them: for pictures the data set, the encoder's weights and
    preprocessing, the transform and the number of views; for the class texts their names and templates.
    Streams that have the same pictures in another order, or in other tasks and splits, share them.

    Args:
        config: A run's configuration.
        source: The stream's source.
        root: The folder of all kept features.
        say: Tells the user how far the encoding is.
        run: Encodes chunks.
        ordered: As of :class:`~orchestrator.features.builder.Builder`.

    Raises:
        UserError: As of :meth:`~orchestrator.features.builder.Builder.build`.
    """
    backbone = frozen_backbone(config)
    read = [source.templates[0].replace("{}", name) for name in source.categories]
    clip = clip_facts(backbone, read, root, load_backbone)
    _say_alike(clip, say)
    views = 0 if source.augment == "none" else config.run.views
    encoder = Encoder(
        backbone, clip.fingerprint, pictures_of(source), source.augment, views, config.run.skip_bad
    )
    prompts = Prompts(
        _prompts(source),
        len(source.categories),
        len(source.templates),
        {
            "kind": "texts",
            "names": list(source.categories),
            "templates": list(source.templates),
            "encoder": clip.fingerprint,
        },
    )
    # Features from the time when each view of ``flip`` was drawn are those of other views.
    transform = "flip odd views" if source.augment == "flip" else source.augment
    identity = {
        "kind": "pictures",
        "encoder": clip.fingerprint,
        "transform": transform,
        "views": views,
        "views_seed": VIEWS_SEED,
    }
    builder = Builder(
        source,
        encoder,
        root,
        say,
        shape=(clip.width,),
        identity=identity,
        herding=True,
        prompts=prompts,
        ordered=ordered,
    )
    encoded = builder.build(run)
    return Bank(encoded, _class_spec(source, encoded.text, clip.scale))


def text_features(config: RunConfig, source: StreamSource) -> ClassSpec:
    """Returns the stream's classes under the frozen CLIP of ``config``, encoded now and in this process.

    Args:
        config: A run's configuration.
        source: The stream's source.
    """
    clip = load_backbone(frozen_backbone(config))
    text = clip.encode_text(_prompts(source)).cpu()
    return _class_spec(source, text.numpy(), clip.scale)


def _say_alike(clip: ClipFacts, say: Say) -> None:
    """Tells the user which classes the model cannot tell apart: their scores are equal whatever it is trained
    on.
    """
    if clip.alike:
        one, other = clip.alike[0]
        say(
            f"{len(clip.alike)} class(es) are read by this CLIP as another one is, the first {other!r} as "
            f"{one!r}: they cannot be told apart; give them names that differ within its context"
        )


def _prompts(source: StreamSource) -> list[str]:
    return [template.replace("{}", name) for name in source.categories for template in source.templates]


def _class_spec(source: StreamSource, text: np.ndarray, scale: float) -> ClassSpec:
    shape = (len(source.categories), len(source.templates), -1)
    return ClassSpec(
        tuple(source.categories), tuple(source.templates), torch.from_numpy(text.reshape(shape)), scale
    )
