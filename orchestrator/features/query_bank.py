"""The prompt-free queries of a stream of questions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import RunConfig
from ..streams.source import StreamSource
from ..streams.stream import Stream
from .builder import Builder, Runner, Say, pictures_of
from .encoded import FrozenFeatures
from .frozen import load_queries
from .query_encoder import QueryEncoder


@dataclass(frozen=True)
class QueryBank:
    """What a frozen image-text model gives for a stream. ``encoded``: ``feature``, float16 (N, 3, D)."""

    encoded: FrozenFeatures

    def stream(self, whole: Stream) -> Stream:
        """The stream with queries beside its pictures, without what was left out."""
        return self.encoded.beside(whole, pictures_too=True)


def open_query_bank(
    config: RunConfig, source: StreamSource, whole: Stream, root: Path, say: Say, run: Runner
) -> QueryBank:
    """The queries of ``whole``, which was prepared from ``source``, under the frozen backbone of ``config``:
    kept under ``root`` from an earlier run, or encoded by ``run`` now.

    What decides them is in the folder's name: the stream and its order, the questions' tokens, the model's
    weights. :class:`~orchestrator.errors.UserError` as
    :meth:`~orchestrator.features.builder.Builder.build`.
    """
    backbone = config.method.backbone
    model = load_queries(backbone, whole.spec)
    tokens = {
        (index, name): split.tokens
        for index, task in enumerate(whole.tasks)
        for name, split in task.splits.items()
    }
    digest = hashlib.sha256()
    for place, rows in tokens.items():
        digest.update(repr((place, rows.shape)).encode())
        digest.update(np.ascontiguousarray(rows))
    skip_bad = config.run.skip_bad
    encoder = QueryEncoder(backbone, whole.spec, model.fingerprint, pictures_of(source), tokens, skip_bad)
    identity = {"kind": "queries", "encoder": model.fingerprint, "tokens": digest.hexdigest()}
    shape = (3, model.width)
    builder = Builder(source, encoder, root, say, shape=shape, identity=identity, herding=False, prompts=None)
    return QueryBank(builder.build(run))
