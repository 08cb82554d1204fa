"""Encodes pictures with their questions or captions, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from methods.method import InputSpec

from ..streams.source import Pictures
from ..streams.split_spans import SplitKey
from .encoder import PictureChunk, check_fingerprint, npz, read_chunk
from .frozen import load_queries
from .full_precision import full_precision

_BATCH = 64


@dataclass(frozen=True)
class QueryEncoder:
    """A :class:`~orchestrator.features.encoder.SampleEncoder` of a frozen image-text model.

    Attributes:
        backbone: The configuration of the method's backbone.
        spec: The sizes of the stream's inputs.
        fingerprint: The model's fingerprint, which is checked wherever the model is loaded.
        sources: The pictures of each split.
        tokens: int32 (N, L), the questions or captions of each split.
        skip_bad: Whether pictures that cannot be read are left out.
        views: 0; there are no views.
    """

    backbone: Any
    spec: InputSpec
    fingerprint: str
    sources: Mapping[SplitKey, Pictures]
    tokens: Mapping[SplitKey, np.ndarray]
    skip_bad: bool
    views: int = 0

    @property
    def name(self) -> str:
        return "its frozen image-text model"

    @full_precision()
    def encode(self, chunk: PictureChunk, device: str, threads: int = 1) -> bytes:
        """Encodes a chunk, as :class:`~orchestrator.features.encoder.SampleEncoder` says.

        Args:
            chunk: What is encoded: pictures, with their questions or captions.
            device: Where it is encoded.
            threads: How many threads read pictures, at least 1.

        Returns:
            The bytes of an .npz file, with the model's rows (n, R, D) of each picture as ``feature``.

        Raises:
            UserError: A picture cannot be read, or this machine has another model.
        """
        model = load_queries(self.backbone, self.spec).to(device)
        check_fingerprint(model.fingerprint, self.fingerprint, self.name)
        kept, pictures = read_chunk(self, chunk, threads)
        tokens = [self.tokens[chunk.splits[index]][chunk.rows[index]] for index in kept.tolist()]
        parts = [np.empty((0, model.rows, model.width), np.float16)]
        for begin in range(0, len(kept), _BATCH):
            image = torch.from_numpy(pictures[begin : begin + _BATCH]).permute(0, 3, 1, 2).contiguous()
            ids = torch.from_numpy(np.stack(tokens[begin : begin + _BATCH]).astype(np.int64))
            parts.append(model.encode(image.to(device), ids.to(device)).half().cpu().numpy())
        return npz(picture=chunk.numbers[kept], feature=np.concatenate(parts))
