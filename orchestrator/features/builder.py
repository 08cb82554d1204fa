"""The arrays of a stream under a frozen encoder: found on disk, or encoded and kept there."""

from __future__ import annotations

import hashlib
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

Say = Callable[[str], None]

Runner = Callable[[SampleEncoder, list[Chunk]], Generator[tuple[int, bytes], None, None]]
"""Encodes chunks, in any order: yields a chunk's place in the list and what the encoder's ``encode`` gave."""

_TEXTS = 256  # prompts a chunk
_PICTURES = 64  # pictures a chunk, at least: what an interruption costs a process
_CHUNKS = 2000  # chunks of a stream, about: many files are slow to list


@dataclass(frozen=True)
class Prompts:
    """Texts to encode: C names in T templates, written out in that order. ``identity``: what they are."""

    texts: Sequence[str]
    names: int
    templates: int
    identity: Mapping[str, Any]


class Builder:
    """Makes the arrays of ``source`` under a frozen encoder, or finds them.

    ``shape``: of what ``encoder`` gives for one picture. ``identity``: what decides it beside the stream's
    content and order. ``herding``: whether training rows are ranked within their labels. An interrupted
    encoding is gone on with; of two processes that want the same, one encodes, the other waits.
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
            "layout": _layout(source),
            "image_size": source.image_size,
        }
        self._pictures = CacheEntry(root, {**stream, **identity, "dtype": "float16"})
        self._texts = None if prompts is None else CacheEntry(root, {**prompts.identity, "dtype": "float32"})

    def build(self, run: Runner) -> FrozenFeatures:
        """Encodes by ``run`` what is not there yet.

        :class:`UserError`: a picture that cannot be read (where bad ones may be skipped it is left out), a
        file that is cut short, of another shape or by another encoder.
        """
        with ExitStack() as locks:
            for shelf in filter(None, (self._pictures, self._texts)):
                locks.enter_context(locked(shelf.folder, self._say))
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
        for place, rows in left_out.items():
            self._check_left_out(place, rows)
        files = {name: self._pictures.path(name) for name in self._names()}
        text = None if self._texts is None else np.load(self._texts.path("text"), allow_pickle=False)
        return FrozenFeatures(files, text, left_out)

    def _names(self) -> list[str]:
        asked = {"feature": True, "herding": self._herding, "views": self._encoder.views > 0}
        return [name for name, wanted in asked.items() if wanted]

    def _check_left_out(self, place: SplitKey, rows: np.ndarray) -> None:
        task = self._source.tasks[place[0]]
        label = task.splits[place[1]].label
        if lost := set(label.tolist()) - set(np.delete(label, rows).tolist()):
            name = self._source.categories[min(lost)]
            reason = self._reason(place, int(np.flatnonzero(label == min(lost))[0]))
            raise UserError(
                f"task {task.name}, split {place[1]}: no picture of class {name!r} can be read{reason}"
            )

    def _reason(self, place: SplitKey, row: int) -> str:
        try:
            self._encoder.sources[place].read(np.array([row]))
        except BadRecord as error:
            return f", the first: {error}"
        return ""

    def _is_mended(self, told: dict) -> bool:
        """Whether a picture was left out that can be read now; an error where it may not be left out."""
        for place, pictures in self._encoder.sources.items():
            for row in told["left_out"].get(f"{place[0]}/{place[1]}", []):
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
        for shelf, chunks in ((self._texts, texts), (self._pictures, pictures)):
            if chunks:
                shelf.start()
                todo += [(shelf, n, c) for n, c in enumerate(chunks) if not self._is_whole(shelf, n, c)]
        left, total = sum(c.pictures for _, _, c in todo), sum(c.pictures for c in pictures)
        if left:
            self._announce(left, total)
        elif len(todo) == 1:
            run = encode_here  # some texts are done before a pool is up
        if not todo:
            return
        progress = Progress(self._say, total, total - left)
        with closing(run(self._encoder, [chunk for _, _, chunk in todo])) as results:
            for index, data in results:
                shelf, number, chunk = todo[index]
                shelf.write_chunk(number, data)
                progress.add(chunk.pictures)

    def _announce(self, left: int, total: int) -> None:
        views = f" in {self._encoder.views} views" if self._encoder.views else ""
        rest = "" if left == total else f", {total - left} were encoded before"
        self._say(f"encoding {left} pictures of {self._source.name}{views} with {self._encoder.name}{rest}")

    def _is_whole(self, shelf: CacheEntry, number: int, chunk: Chunk) -> bool:
        if not shelf.has_chunk(number):
            return False
        found = shelf.chunk(number)
        if found is None:
            self._say(f"{shelf.folder}: chunk {number} was cut short, it is encoded again")
            return False
        # What was left out is tried once more: the picture may have been mended, or may not be left out now.
        return isinstance(chunk, TextChunk) or len(found["kept"]) == chunk.pictures

    def _text_chunks(self) -> list[TextChunk]:
        prompts = self._prompts.texts
        return [TextChunk(tuple(prompts[i : i + _TEXTS])) for i in range(0, len(prompts), _TEXTS)]

    def _picture_chunks(self) -> list[PictureChunk]:
        total = max(end for _, end in self._spans.values())
        size = max(_PICTURES, -(-total // _CHUNKS))
        return [
            PictureChunk(place, i, min(i + size, end - begin), begin if place[1] == "train" else None)
            for place, (begin, end) in self._spans.items()
            for i in range(0, end - begin, size)
        ]

    def _finish_texts(self, chunks: int) -> None:
        text = np.concatenate([self._texts.chunk(n)["text"] for n in range(chunks)])
        shape = (self._prompts.names, self._prompts.templates, text.shape[1])
        with writing(self._texts.path("text"), shape, np.float32) as twin:
            twin.array[:] = text.reshape(shape)
        self._texts.finish(["text"], {})

    def _finish_pictures(self, chunks: list[PictureChunk]) -> dict:
        kept: dict[SplitKey, list[np.ndarray]] = {place: [np.empty(0, np.int64)] for place in self._spans}

        def fill(name: str, shape: tuple[int, ...], wanted: list[tuple[int, PictureChunk]]) -> None:
            with writing(self._pictures.path(name), shape, np.float16) as twin:
                twin.length = 0
                for number, chunk in wanted:
                    found = self._pictures.chunk(number)
                    twin.array[twin.length : twin.length + len(found[name])] = found[name]
                    twin.length += len(found[name])
                    if name == "feature":
                        kept[chunk.place].append(found["kept"])

        numbered = list(enumerate(chunks))
        total = sum(chunk.pictures for chunk in chunks)
        fill("feature", (total, *self._shape), numbered)
        if self._encoder.views:
            training = [(n, chunk) for n, chunk in numbered if chunk.first is not None]
            fill("views", (self._training, self._encoder.views, *self._shape), training)
        rows = {place: np.concatenate(parts) for place, parts in kept.items()}
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
        with writing(self._pictures.path("herding"), label.shape, np.int32) as twin:
            twin.array[:] = herding_order(feature.astype(np.float32), label)


def encode_here(encoder: SampleEncoder, chunks: list[Chunk]) -> Generator[tuple[int, bytes], None, None]:
    """A :data:`Runner` that encodes in this process, on the CPU."""
    for index, chunk in enumerate(chunks):
        yield index, encoder.encode(chunk, "cpu")


def pictures_of(source: StreamSource) -> dict[SplitKey, Pictures]:
    """The pictures of each split."""
    return {
        (index, name): split.pictures
        for index, task in enumerate(source.tasks)
        for name, split in task.splits.items()
    }


def _layout(source: StreamSource) -> str:
    """sha256 over the order of tasks, splits and records, and their labels."""
    digest = hashlib.sha256()
    for task in source.tasks:
        for name, split in task.splits.items():
            digest.update(repr((task.name, name, len(split.label))).encode())
            digest.update(np.asarray(split.label, np.int32).tobytes())
            digest.update("\0".join(map(str, split.ids)).encode())
    return digest.hexdigest()
