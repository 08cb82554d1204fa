"""The prompt-free queries of a stream of questions."""

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
from .frozen import load_queries
from .picture_numbers import picture_numbers
from .query_encoder import QueryEncoder


@dataclass(frozen=True)
class QueryBank:
    """The queries of a frozen image-text model for a stream.

    Attributes:
        encoded: The array ``feature``, float16 (N, 3, D).
    """

    encoded: FrozenFeatures

    def stream(self, whole: Stream) -> Stream:
        """Returns the stream with queries beside its pictures, without the rows that were left out."""
        return self.encoded.beside(whole, pictures_too=True)


def open_query_bank(
    config: RunConfig,
    source: StreamSource,
    whole: Stream,
    root: Path,
    say: Say,
    run: Runner,
    ordered: Path | None = None,
) -> QueryBank:
    """Returns the queries of a stream under the frozen backbone of ``config``.

    The queries are kept under ``root`` from an earlier run, or ``run`` encodes them now. Their folder's name
    stands for all that decides them: the stream's pictures, the questions' tokens, and the model's weights.
    The order in which they come does not.

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
    identity = {"kind": "queries", "encoder": model.fingerprint, "tokens": _tokens(source, tokens)}
    shape = (3, model.width)
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
    return QueryBank(builder.build(run))


def _tokens(source: StreamSource, tokens: Mapping[SplitKey, np.ndarray]) -> str:
    """The sha256 over all questions' tokens, the same in whatever order the stream comes."""
    spans = split_spans([{n: len(s.label) for n, s in task.splits.items()} for task in source.tasks])
    rows = np.concatenate([tokens[key] for key in spans])
    numbers = picture_numbers(source)
    if numbers is not None:
        rows = rows[np.argsort(numbers, kind="stable")]
    return hashlib.sha256(repr(rows.shape).encode() + np.ascontiguousarray(rows).tobytes()).hexdigest()
