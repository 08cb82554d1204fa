"""Chunks of encoding work, and the encoders that do them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from methods.backbones.clip_config import ClipConfig

from ..errors import BadRecord, UserError
from ..streams.augment import augment_view
from ..streams.source import Pictures
from ..streams.split_spans import SplitKey
from .frozen import load_backbone
from .full_precision import full_precision
from .in_threads import in_threads

if TYPE_CHECKING:  # open_clip takes seconds to import, and not every encoder needs it
    from methods.backbones.clip import Clip

_BATCH = 64


@dataclass(frozen=True, eq=False)
class PictureChunk:
    """Some pictures of a stream.

    Attributes:
        splits: The split of each of n pictures.
        rows: int64 (n,), the row of each in its split.
        numbers: int64 (n,), their numbers (:class:`~orchestrator.streams.source.SplitSource`).
        viewed: Whether they are encoded in views too.
    """

    splits: Sequence[SplitKey]
    rows: np.ndarray
    numbers: np.ndarray
    viewed: bool

    @property
    def pictures(self) -> int:
        """The number of the chunk's pictures."""
        return len(self.rows)


@dataclass(frozen=True)
class TextChunk:
    """Some prompts.

    Attributes:
        texts: The prompts.
    """

    texts: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """The number of the chunk's pictures: 0."""
        return 0


Chunk = PictureChunk | TextChunk


class SampleEncoder(Protocol):
    """Encodes chunks of a stream. An encoder is sent to the processes that encode.

    Attributes:
        name: The encoder's name, for people.
        sources: The pictures of each split.
        views: V, the views of each training picture; 0 for none.
        skip_bad: Whether pictures that cannot be read are left out.
    """

    sources: Mapping[SplitKey, Pictures]
    views: int
    skip_bad: bool

    @property
    def name(self) -> str: ...

    def encode(self, chunk: Chunk, device: str, threads: int = 1) -> bytes:
        """Encodes a chunk. The result is the same for all ``threads``.

        Args:
            chunk: What is encoded.
            device: Where it is encoded.
            threads: How many threads read pictures.

        Returns:
            The bytes of an .npz file. For pictures it has ``picture``, int64 (n,), the numbers of those that
            could be read; ``feature``, float16 (n, ...); and where the chunk is viewed ``views``, float16
            (n, V, ...). For texts it has ``text``, float32 (n, D).

        Raises:
            UserError: A picture cannot be read, or this machine has another encoder.
        """


@dataclass(frozen=True)
class Encoder:
    """Encodes chunks with the frozen CLIP of ``config``. It is sent to the processes that encode.

    Attributes:
        config: The CLIP's configuration.
        fingerprint: The CLIP's fingerprint, which is checked wherever the CLIP is loaded.
        sources: The pictures of each split.
        augment: The transform of the views.
        views: V, the views of each training picture; 0 for none.
        skip_bad: Whether pictures that cannot be read are left out.
    """

    config: ClipConfig
    fingerprint: str
    sources: Mapping[SplitKey, Pictures]
    augment: str
    views: int
    skip_bad: bool

    @property
    def name(self) -> str:
        return f"{self.config.model} ({self.config.pretrained})"

    @full_precision()
    def encode(self, chunk: Chunk, device: str, threads: int = 1) -> bytes:
        """Encodes a chunk, as :class:`SampleEncoder` says. The result is the same for all ``threads``.

        Args:
            chunk: What is encoded.
            device: Where it is encoded.
            threads: How many threads read pictures, at least 1.

        Returns:
            The bytes of an .npz file: unit rows of pictures (n, D), and (n, V, D) of their views, or unit
            rows of texts (n, D).

        Raises:
            UserError: A picture cannot be read, or this machine has another CLIP.
        """
        clip = self._clip(device)
        if isinstance(chunk, TextChunk):
            return npz(text=clip.encode_text(chunk.texts).cpu().numpy())
        kept, pictures = read_chunk(self, chunk, threads)
        numbers = chunk.numbers[kept]
        arrays = {"picture": numbers, "feature": _features(clip, pictures, device)}
        if self.views and chunk.viewed:

            def one(view: int) -> np.ndarray:
                return augment_view(self.augment, pictures, numbers, view)

            drawn = in_threads(one, range(self.views), threads)
            arrays["views"] = np.stack([_features(clip, view, device) for view in drawn], axis=1)
        return npz(**arrays)

    def _clip(self, device: str) -> Clip:
        clip = load_backbone(self.config).to(device)
        check_fingerprint(clip.fingerprint, self.fingerprint, self.name)
        return clip


def check_fingerprint(fingerprint: str, expected: str, backbone: str) -> None:
    """Checks that the weights of ``backbone`` on this machine are those that were asked for.

    Args:
        fingerprint: The fingerprint of the weights on this machine.
        expected: The fingerprint that was asked for.
        backbone: The backbone's name, for the message.

    Raises:
        UserError: The fingerprints differ.
    """
    if fingerprint != expected:
        raise UserError(
            f"method.backbone {backbone}: its weights differ between the machines of the cluster; allowed "
            "are the same on all"
        )


def read_chunk(
    encoder: SampleEncoder, chunk: PictureChunk, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the pictures of a chunk.

    Args:
        encoder: The encoder, which has the splits' pictures and says whether bad ones are left out.
        chunk: What is read.
        threads: How many threads read.

    Returns:
        Which of the chunk's pictures could be read, int64 (n,), ascending, and what was read.

    Raises:
        BadRecord: A picture cannot be read and may not be left out. It is the first such picture's error.
    """

    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _read(encoder, chunk, indices)

    whole = np.arange(chunk.pictures)
    parts = [part for part in np.array_split(whole, threads) if len(part)]
    readable = [(kept, pictures) for kept, pictures in in_threads(read, parts, threads) if len(kept)]
    if not readable:
        return whole[:0], np.empty((0, 1, 1, 3), np.uint8)
    if len(readable) == 1:
        return readable[0]
    return np.concatenate([kept for kept, _ in readable]), np.concatenate([read for _, read in readable])


def _read(encoder: SampleEncoder, chunk: PictureChunk, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = []
    for split in dict.fromkeys(chunk.splits[index] for index in indices.tolist()):
        own = np.array([index for index in indices.tolist() if chunk.splits[index] == split])
        while len(own):
            try:
                parts.append((own, encoder.sources[split].read(chunk.rows[own])))
                break
            except BadRecord as error:
                if not encoder.skip_bad:
                    raise
                own = own[chunk.rows[own] != error.row]
    if not parts:
        return indices[:0], np.empty((0, 1, 1, 3), np.uint8)
    kept = np.concatenate([own for own, _ in parts])
    order = np.argsort(kept)
    return kept[order], np.concatenate([read for _, read in parts])[order]


def _features(clip: Clip, pictures: np.ndarray, device: str) -> np.ndarray:
    parts = [np.empty((0, clip.width), np.float16)]
    for begin in range(0, len(pictures), _BATCH):
        image = torch.from_numpy(pictures[begin : begin + _BATCH]).permute(0, 3, 1, 2).contiguous().to(device)
        parts.append(clip.encode_image(image).half().cpu().numpy())
    return np.concatenate(parts)


def npz(**arrays: np.ndarray) -> bytes:
    """Returns the bytes of an .npz file with these arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
