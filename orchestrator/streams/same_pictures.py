"""Finds pictures that are both trained on and evaluated on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from .in_pieces import THREADS, in_pieces
from .source import TaskSource

_MOST_READ = 256 * 2**20  # bytes, which a second or two suffices to read
_PIECE = 4096  # bytes


def same_pictures(tasks: Iterable[TaskSource]) -> Iterator[str]:
    """Finds evaluation pictures with the same bytes as pictures by which a method learns or is chosen.

    There is a line where validation pictures equal training pictures, and one where test pictures equal
    training or validation pictures. A line says how many there are and names one of them. Scores on such
    pictures do not count as evaluation.

    Only pictures are compared whose reader knows their files. Those of equal size and an equal piece are read
    whole. Where more than 256 MiB would have to be read, every second picture of the split, or fewer, is
    compared, and the line says how many were.
    """
    tasks = list(tasks)
    train, validation, test = (_files(tasks, split) for split in ("train", "validation", "test"))
    with ThreadPoolExecutor(THREADS) as pool:
        for split, held, other, known in (
            ("validation", validation, "training", train),
            ("test", test, "training or validation", [*train, *validation]),
        ):
            same, compared = _same(known, held, pool)
            if same:
                one = next(iter(same))
                of = f"{compared}" if compared == len(held) else f"{compared} compared"
                yield (
                    f"{len(same)} of {of} {split} pictures are {other} pictures as well, byte for byte, such "
                    f"as {one}, which is {same[one]}"
                )


def _files(tasks: Sequence[TaskSource], split: str) -> list[str]:
    sources = [task.splits[split] for task in tasks if split in task.splits]
    return [
        source.pictures.path(row)
        for source in sources
        if hasattr(source.pictures, "path")
        for row in range(len(source.ids))
    ]


def _same(train: list[str], held: list[str], pool: ThreadPoolExecutor) -> tuple[dict[str, str], int]:
    """The files of ``held`` with the bytes of one of ``train``, by name, and how many were compared."""

    def of(function: Callable[[str], Hashable], paths: list[str]) -> dict[str, Hashable]:
        return dict(zip(paths, in_pieces(pool, function, paths), strict=True))

    size = of(_size, [*train, *held])
    # A file that cannot be read, or is empty, equals no other file.
    key: dict[str, Hashable] = {path: digests or path for path, digests in size.items()}
    for read, cost in ((_piece, lambda _: _PIECE), (_whole, size.get)):
        held, alike = _affordable(train, held, key, cost)
        digests = of(read, alike)
        key = {path: (size[path], digests.get(path) or path) for path in key}
    known = {key[path]: path for path in reversed(train)}
    return {path: known[key[path]] for path in held if key[path] in known}, len(held)


def _affordable(
    train: list[str], held: list[str], key: Mapping[str, Hashable], cost: Callable[[str], int]
) -> tuple[list[str], list[str]]:
    """As many files of ``held`` as can be compared, and the files whose key is on both sides."""
    while True:
        both = {key[path] for path in train} & {key[path] for path in held}
        alike = [path for path in [*train, *held] if key[path] in both]
        if sum(map(cost, alike)) <= _MOST_READ:
            return held, alike
        held = held[::2] if len(held) > 1 else []


def _size(path: str) -> int:
    """The file's size in bytes; 0 where it is not known."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _piece(path: str) -> bytes:
    """A digest of a piece from the middle, where pictures of one program and size differ; empty where it
    cannot be read.
    """
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _PIECE) // 2)
            return hashlib.sha256(file.read(_PIECE)).digest()
    except OSError:
        return b""


def _whole(path: str) -> bytes:
    """A digest of the whole file; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""
