"""Opens what frozen encoders give for a stream's pictures with their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import RunConfig
from ..streams.source import StreamSource
from ..streams.split_spans import SplitKey, split_spans
from ..streams.stream import Stream
from .builder import Builder, Runner, Say, pictures_of
from .encoded import FrozenFeatures
from .frozen import asks_pictures, load_queries
from .picture_numbers import picture_numbers
from .query_encoder import QueryEncoder


@dataclass(frozen=True)
class QueryBank:
    """The queries of a frozen image-text model for a stream, or the rows of two frozen towers.

    Attributes:
        encoded: The array ``feature``: queries float16 (N, 3, D), rows of towers float16 (N, 2, D).
        pictures_too: Whether these are read beside the pictures, and not in the place of them.
    """

    encoded: FrozenFeatures
    pictures_too: bool

    def stream(self, whole: Stream) -> Stream:
        """Returns the stream with what was encoded, without the rows that were left out."""
        return self.encoded.beside(whole, pictures_too=self.pictures_too)


def open_query_bank(
    config: RunConfig,
    source: StreamSource,
    whole: Stream,
    root: Path,
    say: Say,
    run: Runner,
    ordered: Path | None = None,
) -> QueryBank:
    """Returns what the frozen backbone of ``config`` gives for a stream, for a method of
    :func:`~.frozen.asks_queries`.

    It is kept under ``root`` from an earlier run, or ``run`` encodes it now. The name of its folder is a hash
    of all that decides it: the stream's pictures, the tokens of questions or captions, and the model's
    weights. The order in which they come is not part of it.

    Args:
        config: A run's configuration.
        source: The stream's source.
        whole: The stream that was prepared from ``source``.
        root: The folder of all kept features.
        say: Tells the user how far the encoding is.
        run: Encodes chunks.
        ordered: As of :class:`~orchestrator.features.builder.Builder`.

    Raises:
        UserError: As of :meth:`~orchestrator.features.builder.Builder.build`.
    """
    backbone = config.method.backbone
    model = load_queries(backbone, whole.spec)
    tokens = {
        (index, name): split.tokens
        for index, task in enumerate(whole.tasks)
        for name, split in task.splits.items()
    }
    skip_bad = config.run.skip_bad
    encoder = QueryEncoder(backbone, whole.spec, model.fingerprint, pictures_of(source), tokens, skip_bad)
    beside = asks_pictures(config)
    kind = "queries" if beside else "pairs"
    identity = {"kind": kind, "encoder": model.fingerprint, "tokens": _tokens(source, tokens)}
    shape = (model.rows, model.width)
    builder = Builder(
        source,
        encoder,
        root,
        say,
        shape=shape,
        identity=identity,
        herding=False,
        prompts=None,
        ordered=ordered,
    )
    return QueryBank(builder.build(run), beside)


def _tokens(source: StreamSource, tokens: Mapping[SplitKey, np.ndarray]) -> str:
    """The sha256 over the tokens of all questions or captions, the same in whatever order they come."""
    spans = split_spans([{n: len(s.label) for n, s in task.splits.items()} for task in source.tasks])
    rows = np.concatenate([tokens[key] for key in spans])
    numbers = picture_numbers(source)
    if numbers is not None:
        rows = rows[np.argsort(numbers, kind="stable")]
    return hashlib.sha256(repr(rows.shape).encode() + np.ascontiguousarray(rows).tobytes()).hexdigest()
