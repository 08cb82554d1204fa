"""Makes a stream whose classes arrive task by task from labelled pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace

import numpy as np

from ...errors import UserError
from ..order import ordered
from ..source import Pictures, SplitSource, StreamSource, TaskSource
from ..split_spans import split_spans
from .check_class_names import check_class_names
from .class_config import ClassConfig
from .templates import templates

# The test pictures of a data set without a test split are the same for every seed. Otherwise a search with
# one seed would train on pictures with which a run with another seed is tested.
_TEST_SEED = 1993

# The keys that decide a picture's position in a stream.
_ARRANGING = ("seed", "order", "initial", "increment", "validation")


@dataclass(frozen=True)
class Examples:
    """A published split of N rows.

    Attributes:
        pictures: Gives the pictures at some rows.
        label: Integers (N,): the class in the data set's own numbering.
        ids: N names, for errors.
    """

    pictures: Callable[[np.ndarray], Pictures]
    label: np.ndarray
    ids: Sequence[str]


def class_incremental(
    name: str,
    config: ClassConfig,
    names: Sequence[str],
    train: Examples,
    test: Examples | float,
    *,
    image_size: int,
    augment: str,
    content: bytes,
    origins: Sequence[str] | None = None,
    skipped: Mapping[str, int] | None = None,
) -> StreamSource:
    """The stream of a data set of C classes.

    A class's validation pictures are drawn from its training pictures by ``config.seed``; where
    ``config.validation`` is 0, there is no such split. Each class has at least one picture in each split.
    Prompts are not part of the fingerprints, and class names are part of the stream's alone, so that encoded
    pictures stay valid with other names.

    A picture's number is its row in the stream with the keys' defaults for seed, order, task sizes and
    validation share. Where these defaults do not suit the number of classes, all classes are one task.

    Args:
        name: The stream's name.
        config: The keys of classes and tasks.
        names: The classes' names, in the data set's own numbering.
        train: The training split.
        test: The data set's test split, or the share of each class's pictures that becomes it, which is the
            same for every seed.
        image_size: The side of the pictures, in pixels.
        augment: The training transform.
        content: The digest of the pictures, in the order of ``train`` and ``test``, for the fingerprints.
        origins: Where each class comes from, for errors; None: its number.
        skipped: How many bad records were left out, by reason.

    Raises:
        UserError: A name is empty or used twice, a label is outside 0 .. C - 1, a class has too few pictures,
            or task sizes do not suit C.
    """
    check_class_names(name, names, origins or [f"class {number}" for number in range(len(names))])
    stops = _stops(config, len(names))
    order = np.array(ordered(config.order, names, "classes", _published))
    parts = _parts(name, config, names, train, test)
    number, number_ends = _numbers(name, config, names, train, test)
    tasks = [
        _task(range(start, stop), parts, order, number)
        for start, stop in zip([0, *stops], stops, strict=False)
    ]

    digest = hashlib.sha256(content)
    _update(digest, name, image_size, augment, list(names), stops)
    for split, (examples, rows_of) in parts.items():
        for rows in rows_of:
            _update(digest, split, [examples.ids[r] for r in np.sort(rows)])
    pictures = hashlib.sha256(content)
    for split in ("train", "test"):
        _update(pictures, list(parts[split][0].ids), number[split].tolist(), number_ends)
    return StreamSource(
        name=name,
        scenario="recognition",
        image_size=image_size,
        categories=[names[c] for c in order],
        tasks=tasks,
        augment=augment,
        fingerprint=digest.hexdigest(),
        skipped=dict(skipped or {}),
        templates=templates(config.templates),
        pictures_fingerprint=pictures.hexdigest(),
        number_ends=number_ends,
    )


def _published(seed: int, count: int) -> np.ndarray:
    """The order of PyCIL and of the released code that follows it."""
    return np.random.RandomState(seed).permutation(count)


def _numbers(
    stream: str, config: ClassConfig, names: Sequence[str], train: Examples, test: Examples | float
) -> tuple[dict[str, np.ndarray], tuple[int, ...]]:
    """The number of each row of the examples that a split is drawn from, and ``StreamSource.number_ends``."""
    defaults = {field.name: field.default for field in fields(config) if field.default is not MISSING}
    usual = ClassConfig(**{key: defaults[key] for key in _ARRANGING if key in defaults})
    try:
        order, stops = ordered(usual.order, names, "classes", _published), _stops(usual, len(names))
    except UserError:  # the defaults suit another number of classes
        order, stops = list(range(len(names))), [len(names)]
    try:
        parts = _parts(stream, usual, names, train, test)
    except UserError:
        if config.validation:
            raise
        # A class may have too few pictures for a validation split, and needs none here.
        parts = _parts(stream, replace(usual, validation=0.0), names, train, test)
    tasks = [
        {split: _rows(rows_of, order[start:stop]) for split, (_, rows_of) in parts.items()}
        for start, stop in zip([0, *stops], stops, strict=False)
    ]
    trained = np.empty(len(train.label), np.int64)
    tested = np.empty(len(test.label), np.int64) if isinstance(test, Examples) else trained
    number = {"train": trained, "validation": trained, "test": tested}
    spans = split_spans([{split: len(rows) for split, rows in task.items()} for task in tasks])
    for (index, split), span in spans.items():
        number[split][tasks[index][split]] = np.arange(*span)
    return number, tuple(end for _, end in spans.values())


def _rows(rows_of: Sequence[np.ndarray], classes: Iterable[int]) -> np.ndarray:
    """The rows of these classes, ascending."""
    return np.sort(np.concatenate([rows_of[c] for c in classes]))


def _task(
    classes: range,
    parts: Mapping[str, tuple[Examples, list[np.ndarray]]],
    order: np.ndarray,
    number: Mapping[str, np.ndarray],
) -> TaskSource:
    """The task of these classes, in the stream's order."""
    position = np.argsort(order)
    splits = {}
    for split, (examples, rows_of) in parts.items():
        rows = _rows(rows_of, order[classes.start : classes.stop])
        label = position[examples.label[rows]].astype(np.int32)
        ids = [examples.ids[r] for r in rows]
        splits[split] = SplitSource(examples.pictures(rows), [], label, ids, number=number[split][rows])
    title = f"{classes.start + 1}-{classes.stop}" if len(classes) > 1 else str(classes.stop)
    return TaskSource(title, splits, classes)


def _stops(config: ClassConfig, count: int) -> list[int]:
    """The end of each task's classes."""
    if config.initial > count:
        raise UserError(f"stream.initial: {config.initial}, allowed: 1 .. {count}, the number of classes")
    left = count - config.initial
    if not isinstance(config.increment, int):
        return _listed_stops(config.initial, config.increment, left)
    if left % config.increment:
        fits = [n for n in range(1, left + 1) if left % n == 0]
        other = (count - 1) % config.increment + 1
        raise UserError(
            f"stream.increment: {config.increment} does not divide the {left} classes that initial "
            f"{config.initial} leaves of {count}, allowed: {', '.join(map(str, fits))}, or initial {other}"
        )
    return list(range(config.initial, count + 1, config.increment))


def _listed_stops(initial: int, later: Sequence[int], left: int) -> list[int]:
    if sum(later) != left:
        raise UserError(
            f"stream.increment: [{', '.join(map(str, later))}] adds up to {sum(later)}, allowed: sizes that "
            f"add up to {left}, the classes that initial {initial} leaves of {initial + left}"
        )
    return np.cumsum([initial, *later]).tolist()


def _parts(
    stream: str, config: ClassConfig, names: Sequence[str], train: Examples, test: Examples | float
) -> dict[str, tuple[Examples, list[np.ndarray]]]:
    """The rows of each class in each split."""
    held_out, has_test = config.validation > 0, isinstance(test, Examples)
    every = _by_class(stream, names, train, 1 + held_out + (not has_test))
    tested = train
    if isinstance(test, Examples):
        tested, tests = test, _by_class(stream, names, test, 1, " to test on")
    else:
        tests, every = _drawn(np.random.default_rng(_TEST_SEED), every, test, 1 + held_out)
    if not held_out:
        return {"train": (train, every), "test": (tested, tests)}
    held, kept = _drawn(np.random.default_rng([config.seed, 1]), every, config.validation, 1)
    return {"train": (train, kept), "validation": (train, held), "test": (tested, tests)}


def _by_class(
    stream: str, names: Sequence[str], examples: Examples, least: int, use: str = ""
) -> list[np.ndarray]:
    label, count = examples.label, len(names)
    wrong = np.flatnonzero((label < 0) | (label >= count))
    if len(wrong):
        row = wrong[0]
        raise UserError(
            f"stream {stream}: {examples.ids[row]} has label {label[row]}, allowed: 0 .. {count - 1}"
        )
    sizes = np.bincount(label, minlength=count)
    few = np.flatnonzero(sizes < least)
    if len(few):
        size = sizes[few[0]]
        held = f"{size or 'no'} picture{'' if size == 1 else 's'}{use}"
        raise UserError(f"stream {stream}: class {names[few[0]]!r} has {held}, allowed: at least {least}")
    return np.split(np.argsort(label, kind="stable"), np.cumsum(sizes)[:-1])


def _drawn(
    rng: np.random.Generator, rows: Sequence[np.ndarray], share: float, leave: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draws a share of each class's rows, at least one, and leaves at least ``leave`` others."""
    shuffled = [rng.permutation(r) for r in rows]
    sizes = [min(max(round(share * len(r)), 1), len(r) - leave) for r in rows]
    taken = [r[:n] for r, n in zip(shuffled, sizes, strict=True)]
    return taken, [r[n:] for r, n in zip(shuffled, sizes, strict=True)]


def _update(digest: hashlib._Hash, *values: object) -> None:
    digest.update(json.dumps(values).encode())
