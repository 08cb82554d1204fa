"""Makes the arrays of a stream under a frozen encoder, or finds them on disk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadRecord, UserError
from ..replay.policies.herding import herding_order
from ..storage.array_file import writing
from ..streams.source import Pictures, StreamSource
from ..streams.split_spans import SplitKey, split_spans
from .cache_entry import CacheEntry
from .encoded import FrozenFeatures
from .encoder import Chunk, PictureChunk, SampleEncoder, TextChunk
from .lock import locked
from .progress import Progress
from .source_layout import source_layout

Say = Callable[[str], None]

Runner = Callable[[SampleEncoder, list[Chunk]], Generator[tuple[int, bytes], None, None]]
"""Encodes chunks in any order. It yields a chunk's index in the list and the result of the encoder's
``encode``.
"""

_TEXTS = 256  # prompts a chunk
_PICTURES = 64  # pictures a chunk, at least: a process loses so many when it is interrupted
_CHUNKS = 2000  # chunks of a stream, about: a folder of many more files is slow to list


@dataclass(frozen=True)
class Prompts:
    """Texts to encode: C names in T templates, written out in that order.

    Attributes:
        texts: The C * T texts.
        names: C.
        templates: T.
        identity: What the texts are, as plain values.
    """

    texts: Sequence[str]
    names: int
    templates: int
    identity: Mapping[str, Any]


class Builder:
    """Makes the arrays of ``source`` under a frozen encoder, or finds them.

    An interrupted encoding goes on where it stopped. Where two processes want the same arrays, one encodes
    and the other waits.

    Args:
        source: The stream's source.
        encoder: The frozen encoder.
        root: The folder of all kept features.
        say: Tells the user how far the encoding is.
        shape: The shape of what ``encoder`` gives for one picture.
        identity: What decides the arrays beside the stream's content and order.
        herding: Whether training rows are ranked within their labels.
        prompts: The texts to encode, or None.
    """

    def __init__(
        self,
        source: StreamSource,
        encoder: SampleEncoder,
        root: Path,
        say: Say,
        *,
        shape: tuple[int, ...],
        identity: Mapping[str, Any],
        herding: bool,
        prompts: Prompts | None,
    ) -> None:
        self._source = source
        self._say = say
        self._encoder = encoder
        self._shape = shape
        self._herding = herding
        self._prompts = prompts
        self._spans = split_spans(
            [{n: len(s.label) for n, s in task.splits.items()} for task in source.tasks]
        )
        self._training = self._spans[len(source.tasks) - 1, "train"][1]
        stream = {
            "stream": source.name,
            "stream_fingerprint": source.pictures_fingerprint or source.fingerprint,
            "layout": source_layout(source),
            "image_size": source.image_size,
        }
        self._pictures = CacheEntry(root, {**stream, **identity, "dtype": "float16"})
        self._texts = None if prompts is None else CacheEntry(root, {**prompts.identity, "dtype": "float32"})

    def build(self, run: Runner) -> FrozenFeatures:
        """Encodes by ``run`` what is not there yet.

        Args:
            run: Encodes chunks.

        Raises:
            UserError: A picture cannot be read (where bad pictures may be skipped it is left out instead), or
                a file is cut short, of another shape, or by another encoder.
        """
        with ExitStack() as locks:
            for entry in filter(None, (self._pictures, self._texts)):
                locks.enter_context(locked(entry.folder, self._say))
            told = self._pictures.finished()
            if told is not None and self._is_mended(told):
                self._pictures.discard()
                told = None
            known = self._texts is None or self._texts.finished() is not None
            texts = [] if known else self._text_chunks()
            pictures = [] if told is not None else self._picture_chunks()
            if texts or pictures:
                self._encode(run, texts, pictures)
            else:
                self._say(f"features of {self._source.name}: found in {self._pictures.folder}")
            if texts:
                self._finish_texts(len(texts))
            if pictures:
                told = self._finish_pictures(pictures)
        return self._open(told)

    def _open(self, told: dict) -> FrozenFeatures:
        left_out = {
            (index, name): np.array(rows, np.int64)
            for index, task in enumerate(self._source.tasks)
            for name in task.splits
            if (rows := told["left_out"].get(f"{index}/{name}"))
        }
        for key, rows in left_out.items():
            self._check_left_out(key, rows)
        files = {name: self._pictures.path(name) for name in self._names()}
        text = None if self._texts is None else np.load(self._texts.path("text"), allow_pickle=False)
        return FrozenFeatures(files, text, left_out)

    def _names(self) -> list[str]:
        asked = {"feature": True, "herding": self._herding, "views": self._encoder.views > 0}
        return [name for name, wanted in asked.items() if wanted]

    def _check_left_out(self, key: SplitKey, rows: np.ndarray) -> None:
        task = self._source.tasks[key[0]]
        label = task.splits[key[1]].label
        if lost := set(label.tolist()) - set(np.delete(label, rows).tolist()):
            name = self._source.categories[min(lost)]
            reason = self._reason(key, int(np.flatnonzero(label == min(lost))[0]))
            raise UserError(
                f"task {task.name}, split {key[1]}: no picture of class {name!r} can be read{reason}"
            )

    def _reason(self, key: SplitKey, row: int) -> str:
        try:
            self._encoder.sources[key].read(np.array([row]))
        except BadRecord as error:
            return f", the first: {error}"
        return ""

    def _is_mended(self, told: dict) -> bool:
        """Whether a picture that was left out can be read now. Where it may not be left out, its error is
        raised.
        """
        for key, pictures in self._encoder.sources.items():
            for row in told["left_out"].get(f"{key[0]}/{key[1]}", []):
                try:
                    pictures.read(np.array([row]))
                except BadRecord:
                    if not self._encoder.skip_bad:
                        raise
                else:
                    self._say(f"a picture that was left out of {self._pictures.folder} can be read again")
                    return True
        return False

    def _encode(self, run: Runner, texts: list[TextChunk], pictures: list[PictureChunk]) -> None:
        todo: list[tuple[CacheEntry, int, Chunk]] = []
        for entry, chunks in ((self._texts, texts), (self._pictures, pictures)):
            if chunks:
                entry.start()
                todo += [(entry, n, c) for n, c in enumerate(chunks) if not self._is_whole(entry, n, c)]
        left, total = sum(c.pictures for _, _, c in todo), sum(c.pictures for c in pictures)
        if left:
            self._announce(left, total)
        elif len(todo) == 1:
            run = encode_here  # a few texts are encoded before a pool would be up
        if not todo:
            return
        progress = Progress(self._say, total, total - left)
        with closing(run(self._encoder, [chunk for _, _, chunk in todo])) as results:
            for index, data in results:
                entry, number, chunk = todo[index]
                entry.write_chunk(number, data)
                progress.add(chunk.pictures)

    def _announce(self, left: int, total: int) -> None:
        views = f" in {self._encoder.views} views" if self._encoder.views else ""
        rest = "" if left == total else f", {total - left} were encoded before"
        self._say(f"encoding {left} pictures of {self._source.name}{views} with {self._encoder.name}{rest}")

    def _is_whole(self, entry: CacheEntry, number: int, chunk: Chunk) -> bool:
        if not entry.has_chunk(number):
            return False
        arrays = entry.chunk(number)
        if arrays is None:
            self._say(f"{entry.folder}: chunk {number} was cut short, it is encoded again")
            return False
        # A picture that was left out is tried once more: it may have been mended, or it may not be left out
        # now.
        return isinstance(chunk, TextChunk) or len(arrays["kept"]) == chunk.pictures

    def _text_chunks(self) -> list[TextChunk]:
        prompts = self._prompts.texts
        return [TextChunk(tuple(prompts[i : i + _TEXTS])) for i in range(0, len(prompts), _TEXTS)]

    def _picture_chunks(self) -> list[PictureChunk]:
        total = max(end for _, end in self._spans.values())
        size = max(_PICTURES, -(-total // _CHUNKS))
        return [
            PictureChunk(key, i, min(i + size, end - begin), begin if key[1] == "train" else None)
            for key, (begin, end) in self._spans.items()
            for i in range(0, end - begin, size)
        ]

    def _finish_texts(self, chunks: int) -> None:
        text = np.concatenate([self._texts.chunk(n)["text"] for n in range(chunks)])
        shape = (self._prompts.names, self._prompts.templates, text.shape[1])
        with writing(self._texts.path("text"), shape, np.float32) as file:
            file.array[:] = text.reshape(shape)
        self._texts.finish(["text"], {})

    def _finish_pictures(self, chunks: list[PictureChunk]) -> dict:
        kept: dict[SplitKey, list[np.ndarray]] = {key: [np.empty(0, np.int64)] for key in self._spans}

        def fill(name: str, shape: tuple[int, ...], wanted: list[tuple[int, PictureChunk]]) -> None:
            with writing(self._pictures.path(name), shape, np.float16) as file:
                file.length = 0
                for number, chunk in wanted:
                    arrays = self._pictures.chunk(number)
                    file.array[file.length : file.length + len(arrays[name])] = arrays[name]
                    file.length += len(arrays[name])
                    if name == "feature":
                        kept[chunk.split].append(arrays["kept"])

        numbered = list(enumerate(chunks))
        total = sum(chunk.pictures for chunk in chunks)
        fill("feature", (total, *self._shape), numbered)
        if self._encoder.views:
            training = [(n, chunk) for n, chunk in numbered if chunk.first is not None]
            fill("views", (self._training, self._encoder.views, *self._shape), training)
        rows = {key: np.concatenate(parts) for key, parts in kept.items()}
        if self._herding:
            self._finish_herding(rows)
        left_out = {
            f"{index}/{name}": np.setdiff1d(np.arange(end - begin), rows[index, name]).tolist()
            for (index, name), (begin, end) in self._spans.items()
            if len(rows[index, name]) < end - begin
        }
        return self._pictures.finish(self._names(), {"encoder": self._encoder.name, "left_out": left_out})

    def _finish_herding(self, kept: dict[SplitKey, np.ndarray]) -> None:
        label = np.concatenate(
            [t.splits["train"].label[kept[i, "train"]] for i, t in enumerate(self._source.tasks)]
        )
        feature = np.load(self._pictures.path("feature"), mmap_mode="r", allow_pickle=False)[: len(label)]
        with writing(self._pictures.path("herding"), label.shape, np.int32) as file:
            file.array[:] = herding_order(feature.astype(np.float32), label)


def encode_here(encoder: SampleEncoder, chunks: list[Chunk]) -> Generator[tuple[int, bytes], None, None]:
    """Encodes chunks in this process, on the CPU. It is a :data:`Runner`.

    Args:
        encoder: The frozen encoder.
        chunks: What is encoded.
    """
    for index, chunk in enumerate(chunks):
        yield index, encoder.encode(chunk, "cpu")


def pictures_of(source: StreamSource) -> dict[SplitKey, Pictures]:
    """Returns the pictures of each split."""
    return {
        (index, name): split.pictures
        for index, task in enumerate(source.tasks)
        for name, split in task.splits.items()
    }
