"""Makes the arrays of a stream under a frozen encoder, or finds them on disk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BadRecord, UserError
from ..storage.array_file import writing
from ..streams.source import Pictures, StreamSource
from ..streams.split_spans import SplitKey, split_spans
from .cache_entry import CacheEntry
from .encoded import FrozenFeatures
from .encoder import Chunk, PictureChunk, SampleEncoder, TextChunk
from .kept_herding import kept_herding
from .kept_pictures import KeptPictures
from .lock import locked
from .picture_numbers import picture_numbers
from .progress import Progress
from .prompts import Prompts
from .source_layout import source_layout

Say = Callable[[str], None]

Runner = Callable[[SampleEncoder, list[Chunk]], Generator[tuple[int, bytes], None, None]]
"""Encodes chunks in any order. It yields a chunk's index in the list and the result of the encoder's
``encode``.
"""

_PICTURES = 64  # pictures a chunk, at least: an interrupted process loses as many
_CHUNKS = 2000  # chunks of a stream, about: a folder of many more files is slow to list


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
        identity: What decides the arrays beside the stream's content.
        herding: Whether training rows are ranked within their labels.
        prompts: The texts to encode, or None.
        ordered: The folder for arrays in the stream's order where the kept ones lie in another one; None:
            they are held in memory.
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
        ordered: Path | None = None,
    ) -> None:
        self._source = source
        self._root = root
        self._say = say
        self._encoder = encoder
        self._shape = shape
        self._herding = herding
        self._prompts = prompts
        self._ordered = ordered
        self._spans = split_spans(
            [{n: len(s.label) for n, s in task.splits.items()} for task in source.tasks]
        )
        self._training = self._spans[len(source.tasks) - 1, "train"][1]
        numbers = picture_numbers(source)
        stream = {
            "stream": source.name,
            "stream_fingerprint": source.pictures_fingerprint or source.fingerprint,
            # Rows that stand for numbers are those of this order.
            "layout": source_layout(source) if numbers is None else None,
            "image_size": source.image_size,
        }
        self._numbers = np.arange(self._size) if numbers is None else numbers
        own_ends = tuple(end for _, end in self._spans.values())
        self._ends = own_ends if numbers is None else source.number_ends or (int(numbers.max()) + 1,)
        self._pictures = KeptPictures(root, {**stream, **identity, "dtype": "float16"})
        self._texts = None if prompts is None else CacheEntry(root, {**prompts.identity, "dtype": "float32"})

    @property
    def _size(self) -> int:
        """N, the rows of all splits."""
        return max(end for _, end in self._spans.values())

    def build(self, run: Runner) -> FrozenFeatures:
        """Encodes with ``run`` what is not there yet.

        Args:
            run: Encodes chunks.

        Raises:
            UserError: A picture cannot be read (where bad pictures may be skipped it is left out instead), or
                a file is cut short, of another shape, or by another encoder.
        """
        folders = [self._pictures.folder, *([] if self._texts is None else [self._texts.folder])]
        with ExitStack() as locks:
            for folder in folders:
                locks.enter_context(locked(folder, self._say))
            self._pictures.read()
            missing = self._missing()
            known = self._texts is None or self._texts.finished() is not None
            texts = [] if self._prompts is None or known else self._prompts.chunks()
            if texts or missing.any():
                self._encode(run, texts, missing)
            else:
                self._say(f"features of {self._source.name}: found in {self._pictures.folder}")
            if texts:
                self._finish_texts(len(texts))
            if missing.any():
                wanted, views = self._numbers[missing], self._encoder.views
                self._pictures.finish(self._numbers, wanted, self._shape, views, self._encoder.name)
            return self._open()

    def _open(self) -> FrozenFeatures:
        known = self._known()
        left_out = {
            key: np.flatnonzero(~known[begin:end])
            for key, (begin, end) in self._spans.items()
            if not known[begin:end].all()
        }
        for key, rows in left_out.items():
            self._check_left_out(key, rows)
        kept = {"feature": self._numbers[known]}
        if self._encoder.views:
            kept["views"] = self._numbers[: self._training][known[: self._training]]
        arranged = {n: self._pictures.arrange(n, numbers, self._ordered) for n, numbers in kept.items()}
        arrays = {name: array for name, (array, _) in arranged.items()}
        files = {name: file for name, (_, file) in arranged.items() if file is not None}
        if self._herding:
            folder = self._pictures.folder.name
            path = kept_herding(self._root, folder, self._source, arrays["feature"], left_out)
            arrays["herding"], files["herding"] = np.load(path, mmap_mode="r", allow_pickle=False), path
        text = None if self._texts is None else np.load(self._texts.path("text"), allow_pickle=False)
        return FrozenFeatures(arrays, files, text, left_out)

    def _check_left_out(self, key: SplitKey, rows: np.ndarray) -> None:
        task = self._source.tasks[key[0]]
        label = task.splits[key[1]].label
        if lost := set(label.tolist()) - set(np.delete(label, rows).tolist()):
            name = self._source.categories[min(lost)]
            fault = self._fault(key, int(np.flatnonzero(label == min(lost))[0]))
            raise UserError(
                f"task {task.name}, split {key[1]}: no picture of class {name!r} can be read"
                f"{f', the first: {fault}' if fault else ''}"
            )

    def _fault(self, key: SplitKey, row: int) -> BadRecord | None:
        """Why a picture cannot be read; None where it can."""
        try:
            self._encoder.sources[key].read(np.array([row]))
        except BadRecord as error:
            return error
        return None

    def _known(self) -> np.ndarray:
        """Which rows are kept with all that is asked of them, bool (N,)."""
        train, others = np.split(self._numbers, [self._training])
        viewed = self._encoder.views > 0
        return np.concatenate([self._pictures.knows(train, viewed), self._pictures.knows(others, False)])

    def _missing(self) -> np.ndarray:
        """Which rows have to be encoded, bool (N,). A row that was left out is encoded as soon as it can be
        read. Where it may not be left out, its error is raised.
        """
        missing = ~self._known()
        left_out = missing & np.isin(self._numbers, self._pictures.unreadable)
        for key, (begin, end) in self._spans.items():
            for row in np.flatnonzero(left_out[begin:end]).tolist():
                fault = self._fault(key, row)
                if fault is not None and not self._encoder.skip_bad:
                    raise fault
                missing[begin + row] = fault is None
        if mended := np.count_nonzero(left_out & missing):
            folder = self._pictures.folder
            self._say(f"{mended} picture(s) that were left out of {folder} can be read again")
        return missing

    def _encode(self, run: Runner, texts: list[TextChunk], missing: np.ndarray) -> None:
        todo: list[tuple[CacheEntry, int, Chunk]] = []
        pictures = self._picture_chunks(missing)
        chunks = ((self._texts, dict(enumerate(texts))), (self._pictures.growing, pictures))
        for entry, wanted in chunks:
            if entry is not None and wanted:
                entry.start()
                todo += [(entry, n, c) for n, c in wanted.items() if not self._is_whole(entry, n, c)]
        left = sum(chunk.pictures for _, _, chunk in todo)
        total = self._size if pictures else 0
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
        if isinstance(chunk, TextChunk):
            return True
        # A picture that was left out is tried once more. It may have been mended, or it may not be left out
        # now. A stream with other splits may need views of pictures that another stream held out.
        return np.array_equal(arrays["picture"], chunk.numbers) and (not chunk.viewed or "views" in arrays)

    def _picture_chunks(self, missing: np.ndarray) -> dict[int, PictureChunk]:
        """The chunks, by number, that have the rows of ``missing``.

        A chunk has the same pictures for every stream that has them, since the pictures beside a picture
        decide the last bit of its features. Where one of them is trained on, all are encoded in views.
        """
        size = max(_PICTURES, -(-self._ends[-1] // _CHUNKS))
        spans = zip([0, *self._ends], self._ends, strict=False)
        begins = np.concatenate([np.arange(begin, end, size) for begin, end in spans])
        chunk_of = np.searchsorted(begins, self._numbers, side="right") - 1
        order = np.argsort(self._numbers, kind="stable")
        chunk_of = chunk_of[order]
        split_of, starts = list(self._spans), np.array([begin for begin, _ in self._spans.values()])
        chunks = {}
        for chunk in np.unique(chunk_of[missing[order]]).tolist():
            rows = order[slice(*np.searchsorted(chunk_of, [chunk, chunk + 1]))]
            split = np.searchsorted(starts, rows, side="right") - 1
            viewed = self._encoder.views > 0 and bool((rows < self._training).any())
            splits = [split_of[number] for number in split.tolist()]
            chunks[chunk] = PictureChunk(splits, rows - starts[split], self._numbers[rows], viewed)
        return chunks

    def _finish_texts(self, chunks: int) -> None:
        text = np.concatenate([self._texts.chunk(n)["text"] for n in range(chunks)])
        shape = (self._prompts.names, self._prompts.templates, text.shape[1])
        with writing(self._texts.path("text"), shape, np.float32) as file:
            file.array[:] = text.reshape(shape)
        self._texts.finish(["text"], {})


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
