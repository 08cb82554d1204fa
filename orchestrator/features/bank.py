"""The features of a stream under a frozen CLIP: found on disk, or encoded and kept there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from methods.method import ClassSpec

from ..config import RunConfig
from ..errors import BadRecord, UserError
from ..replay.places import Place, places
from ..replay.policies.herding import herding_order
from ..replay.subset import Subset
from ..replay.twin import writing
from ..streams.prepare import prepare
from ..streams.source import StreamSource
from ..streams.stream import Split, Stream, TaskData
from .encoder import Chunk, Encoder, PictureChunk, TextChunk
from .frozen import frozen_backbone, load_backbone
from .lock import locked
from .progress import Progress
from .shelf import Shelf
from .views import VIEWS_SEED

Say = Callable[[str], None]

Runner = Callable[[Encoder, list[Chunk]], Generator[tuple[int, bytes], None, None]]
"""Encodes chunks, in any order: yields a chunk's place in the list and what :meth:`Encoder.encode` gave."""

_TEXTS = 256  # prompts a chunk
_PICTURES = 64  # pictures a chunk, at least: what an interruption costs a process
_CHUNKS = 2000  # chunks of a stream, about: many files are slow to list


@dataclass(frozen=True)
class Bank:
    """What a frozen CLIP gives for a stream.

    ``feature``: float16 (N, D), of all splits in the order of :func:`~orchestrator.replay.places.places`.
    ``views``: float16 (N_train, V, D), or None where the stream's transform leaves pictures as they are.
    ``herding``: int32 (N_train,), see :class:`~orchestrator.streams.stream.Stream`. All three are mapped
    from ``files``, name -> .npy. ``left_out``: rows of a split whose picture cannot be read, which the arrays
    do not have. ``classes``: the stream's classes with their text features.
    """

    feature: np.ndarray
    views: np.ndarray | None
    herding: np.ndarray
    files: dict[str, Path]
    left_out: dict[Place, np.ndarray]
    classes: ClassSpec

    def stream(self, source: StreamSource, skip_bad: bool) -> Stream:
        """``source`` prepared for training, with features beside its pictures, without what was left out."""
        whole = prepare(source, self.classes, skip_bad)
        kept = {
            (index, name): np.delete(np.arange(len(split)), self.left_out.get((index, name), []))
            for index, task in enumerate(whole.tasks)
            for name, split in task.splits.items()
        }
        spans = places(
            [{name: len(kept[index, name]) for name in task.splits} for index, task in enumerate(whole.tasks)]
        )

        def part(index: int, name: str, split: Split) -> Split:
            (begin, end), rows = spans[index, name], kept[index, name]
            pictures = split.pictures if len(rows) == len(split) else Subset(split.pictures, rows)
            return Split(pictures, split.tokens[rows], split.label[rows], feature=self.feature[begin:end])

        tasks = [
            TaskData(task.task, {name: part(index, name, split) for name, split in task.splits.items()})
            for index, task in enumerate(whole.tasks)
        ]
        stream = Stream(
            whole.name, whole.spec, tasks, whole.augment, skip_bad=skip_bad, image_size=whole.image_size
        )
        stream.views, stream.herding = self.views, self.herding
        return stream


def open_bank(config: RunConfig, source: StreamSource, root: Path, say: Say, run: Runner) -> Bank:
    """The features of ``source`` under the frozen CLIP of ``config``: kept under ``root`` from an earlier
    run, or encoded by ``run`` now.

    What decides them is in their folders' names: the stream and its order, the encoder's weights and
    preprocessing, the transform, the number of views; for the class texts, names and templates. An
    interrupted encoding is gone on with. Of two processes that want the same, one encodes, the other waits.

    :class:`UserError`: a picture that cannot be read (with ``run.skip_bad`` it is left out), a file that is
    cut short, of another shape or by another encoder.
    """
    return _Builder(config, source, root, say).build(run)


def text_features(config: RunConfig, source: StreamSource) -> ClassSpec:
    """The stream's classes under the frozen CLIP of ``config``, encoded now, in this process."""
    clip = load_backbone(frozen_backbone(config))
    text = clip.encode_text(_prompts(source)).cpu()
    return _class_spec(source, text.numpy(), clip.scale)


class _Builder:
    def __init__(self, config: RunConfig, source: StreamSource, root: Path, say: Say) -> None:
        self._source = source
        self._say = say
        self._skip_bad = config.run.skip_bad
        backbone = frozen_backbone(config)
        clip = load_backbone(backbone)
        self._scale = clip.scale
        self._encoder = Encoder(
            backbone,
            clip.fingerprint,
            {
                (index, name): split.pictures
                for index, task in enumerate(source.tasks)
                for name, split in task.splits.items()
            },
            source.augment,
            0 if source.augment == "none" else config.run.views,
            self._skip_bad,
        )
        self._width = clip.width
        self._spans = places([{n: len(s.label) for n, s in task.splits.items()} for task in source.tasks])
        self._training = self._spans[len(source.tasks) - 1, "train"][1]
        self._pictures = Shelf(
            root,
            {
                "kind": "pictures",
                "stream": source.name,
                "stream_fingerprint": source.fingerprint,
                "layout": _layout(source),
                "image_size": source.image_size,
                "encoder": clip.fingerprint,
                "transform": source.augment,
                "views": self._encoder.views,
                "views_seed": VIEWS_SEED,
                "dtype": "float16",
            },
        )
        self._texts = Shelf(
            root,
            {
                "kind": "texts",
                "names": list(source.categories),
                "templates": list(source.templates),
                "encoder": clip.fingerprint,
                "dtype": "float32",
            },
        )

    def build(self, run: Runner) -> Bank:
        with locked(self._pictures.folder, self._say), locked(self._texts.folder, self._say):
            told = self._pictures.finished()
            if told is not None and self._is_mended(told):
                self._pictures.discard()
                told = None
            texts = [] if self._texts.finished() is not None else self._text_chunks()
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

    def _open(self, told: dict) -> Bank:
        left_out = {
            (index, name): np.array(rows, np.int64)
            for index, task in enumerate(self._source.tasks)
            for name in task.splits
            if (rows := told["left_out"].get(f"{index}/{name}"))
        }
        for place, rows in left_out.items():
            self._check_left_out(place, rows)
        names = ["feature", "herding", *(["views"] if self._encoder.views else [])]
        files = {name: self._pictures.path(name) for name in names}
        arrays = {name: np.load(path, mmap_mode="r", allow_pickle=False) for name, path in files.items()}
        text = np.load(self._texts.path("text"), allow_pickle=False)
        return Bank(
            arrays["feature"],
            arrays.get("views"),
            arrays["herding"],
            files,
            left_out,
            _class_spec(self._source, text, self._scale),
        )

    def _check_left_out(self, place: Place, rows: np.ndarray) -> None:
        task = self._source.tasks[place[0]]
        label = task.splits[place[1]].label
        if lost := set(label.tolist()) - set(np.delete(label, rows).tolist()):
            name = self._source.categories[min(lost)]
            raise UserError(f"task {task.name}, split {place[1]}: no picture of class {name!r} can be read")

    def _is_mended(self, told: dict) -> bool:
        """Whether a picture was left out that can be read now; an error where it may not be left out."""
        for place, pictures in self._encoder.sources.items():
            for row in told["left_out"].get(f"{place[0]}/{place[1]}", []):
                try:
                    pictures.read(np.array([row]))
                except BadRecord:
                    if not self._skip_bad:
                        raise
                else:
                    self._say(f"a picture that was left out of {self._pictures.folder} can be read again")
                    return True
        return False

    def _encode(self, run: Runner, texts: list[TextChunk], pictures: list[PictureChunk]) -> None:
        todo: list[tuple[Shelf, int, Chunk]] = []
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
        by = f"{self._encoder.config.model} ({self._encoder.config.pretrained})"
        self._say(f"encoding {left} pictures of {self._source.name}{views} with {by}{rest}")

    def _is_whole(self, shelf: Shelf, number: int, chunk: Chunk) -> bool:
        if not shelf.has_chunk(number):
            return False
        found = shelf.chunk(number)
        if found is None:
            self._say(f"{shelf.folder}: chunk {number} was cut short, it is encoded again")
            return False
        # What was left out is tried once more: the picture may have been mended, or may not be left out now.
        return isinstance(chunk, TextChunk) or len(found["kept"]) == chunk.pictures

    def _text_chunks(self) -> list[TextChunk]:
        prompts = _prompts(self._source)
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
        shape = (len(self._source.categories), len(self._source.templates), self._width)
        with writing(self._texts.path("text"), shape, np.float32) as twin:
            twin.array[:] = text.reshape(shape)
        self._texts.finish(["text"], {})

    def _finish_pictures(self, chunks: list[PictureChunk]) -> dict:
        kept: dict[Place, list[np.ndarray]] = {place: [np.empty(0, np.int64)] for place in self._spans}

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
        names = ["feature", "herding"]
        fill("feature", (total, self._width), numbered)
        if self._encoder.views:
            names.append("views")
            training = [(n, chunk) for n, chunk in numbered if chunk.first is not None]
            fill("views", (self._training, self._encoder.views, self._width), training)
        rows = {place: np.concatenate(parts) for place, parts in kept.items()}
        self._finish_herding(rows)
        left_out = {
            f"{index}/{name}": np.setdiff1d(np.arange(end - begin), rows[index, name]).tolist()
            for (index, name), (begin, end) in self._spans.items()
            if len(rows[index, name]) < end - begin
        }
        named = [self._encoder.config.model, self._encoder.config.pretrained]
        return self._pictures.finish(names, {"encoder": named, "left_out": left_out})

    def _finish_herding(self, kept: dict[Place, np.ndarray]) -> None:
        label = np.concatenate(
            [t.splits["train"].label[kept[i, "train"]] for i, t in enumerate(self._source.tasks)]
        )
        feature = np.load(self._pictures.path("feature"), mmap_mode="r", allow_pickle=False)[: len(label)]
        with writing(self._pictures.path("herding"), label.shape, np.int32) as twin:
            twin.array[:] = herding_order(feature.astype(np.float32), label)


def encode_here(encoder: Encoder, chunks: list[Chunk]) -> Generator[tuple[int, bytes], None, None]:
    """A :data:`Runner` that encodes in this process, on the CPU."""
    for index, chunk in enumerate(chunks):
        yield index, encoder.encode(chunk, "cpu")


def _prompts(source: StreamSource) -> list[str]:
    return [template.replace("{}", name) for name in source.categories for template in source.templates]


def _class_spec(source: StreamSource, text: np.ndarray, scale: float) -> ClassSpec:
    shape = (len(source.categories), len(source.templates), -1)
    return ClassSpec(
        tuple(source.categories), tuple(source.templates), torch.from_numpy(text.reshape(shape)), scale
    )


def _layout(source: StreamSource) -> str:
    """sha256 over the order of tasks, splits and records, and their labels."""
    digest = hashlib.sha256()
    for task in source.tasks:
        for name, split in task.splits.items():
            digest.update(repr((task.name, name, len(split.label))).encode())
            digest.update(np.asarray(split.label, np.int32).tobytes())
            digest.update("\0".join(map(str, split.ids)).encode())
    return digest.hexdigest()
