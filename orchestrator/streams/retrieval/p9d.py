"""``p9d``: image-text pairs laid out as P9D, the CTP paper's benchmark (Zhu et al., ICCV 2023)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from ...errors import UserError
from ..bad_records import BadRecords
from ..checks import check_share
from ..file_content import file_content
from ..numbered import numbered
from ..order import Order, check_order, ordered
from ..pictures import FilePictures
from ..same_pictures import same_pictures
from ..source import SplitSource, StreamSource, TaskSource
from ..task_names import check_task_names, picked_tasks
from ..text.clean_caption import clean_caption
from ..text.text_config import TextConfig
from .p9d_pictures import drop_missing, pictures_folder
from .p9d_records import WORDS, Records, read_flat, read_train

_RETRIEVAL = ("query", "gallery")


@dataclass(frozen=True)
class _Config(TextConfig):
    """Keys of ``p9d``: where the data lies, which part of it is used, and in which order."""

    data: str = ""
    """The folder that holds ``json/`` and ``train_images/``."""

    image_size: int = 64
    """Side in pixels that pictures are resized to. Range: at least 16. Paper: 224."""

    crop: Literal["resized", "original"] = "resized"
    """The picture from which training's random crop is cut: ``resized`` to ``image_size``, which lies in
    memory where there is room, or in its ``original`` size, which is read from its file at each step. Paper:
    original. Released code: original.
    """

    order: Order = "natural"
    """Order of the tasks: ``natural``, as in ``train.json``; a seed, which shuffles them; or a list of all
    their names or numbers (from 0). Range of a seed: 0 to 2**32 - 1. Paper: the list of the recipe
    ``ctp/p9d``."""

    task_names: tuple[str, ...] = ()
    """The tasks that are used, each name once, in their natural order; empty: all of them."""

    tasks: int | None = None
    """How many of the tasks are used, from the first of the natural order. ``None`` is all. Range: at least
    1. Paper: all 9.
    """

    validation: float = 0.1
    """Part of a task's training records that is held out, since P9D has no validation split. With 0 nothing
    is held out. A run then trains on all records and can be tested, but nothing can be searched. Range: 0 to
    0.5. Released code: 0 (CTP).
    """

    max_items: int | None = None
    """The most records of a task and split that are used, to try things out. ``None`` is all. Range: at least
    4.
    """

    seed: int = 0
    """The seed by which validation records, and those that ``max_items`` keeps, are drawn. Range: at least 0.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, low, optional in (
            ("image_size", 16, False),
            ("seed", 0, False),
            ("tasks", 1, True),
            ("max_items", 4, True),
        ):
            value = getattr(self, name)
            if optional and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise ValueError(f"{name}: {value!r}, allowed: an integer, at least {low}")
        if self.crop not in ("resized", "original"):
            raise ValueError(f"crop: {self.crop!r}, allowed: resized, original")
        check_order(self.order)
        check_share("validation", self.validation, none=True)
        check_task_names(self.task_names)


class P9D:
    """Image <-> text retrieval over a folder of pictures. An industry is a task, and a ``cate_name`` is a
    category.

    ``data`` holds ``json/train.json`` and ``json/test.json``; where multi-modal retrieval is to be measured,
    ``json/query.json`` and ``json/gallery.json``; ``train_images/ID.jpg``; and, for the three other files,
    ``gallery_images/ID.jpg``. Captions are cleaned as the released code does (:func:`clean_caption`, 30
    words).

    Validation records are held out of each task's training records by the seed, unless ``validation`` is 0.
    There is at least one, and there are no more than the task has test records, so that recall is measured
    among as many candidates. Records with different captions come first.

    Here it is checked that every picture exists. Whether it can be decoded shows when it is read.
    """

    Config = _Config
    scenario = "retrieval"
    summary = "image-text pairs in P9D's layout; needs data: the folder that holds json/ and train_images/"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Reads the stream. With ``skip_bad``, malformed records and records without a picture are left out
        and counted by reason.

        Raises:
            UserError: Something is malformed.
        """
        root = config.data
        if not root:
            raise UserError(
                "stream p9d: no data folder given, allowed: --data DIR with json/ and train_images/"
            )
        if not os.path.isdir(root):
            raise UserError(f"{root}: no such folder, allowed: one with json/ and train_images/")
        bad = BadRecords(skip_bad)
        with bad.explaining():
            return _stream(config, bad)


def _stream(config: _Config, bad: BadRecords) -> StreamSource:
    root = config.data
    records_of = {"train": read_train(f"{root}/json/train.json", bad)}
    names = _task_names(config, list(records_of["train"]))
    order = ordered(config.order, names, "tasks")
    there = [s for s in _RETRIEVAL if os.path.exists(f"{root}/json/{s}.json")]
    for split in ("test", *(_RETRIEVAL if there else ())):
        records_of[split] = read_flat(f"{root}/json/{split}.json", records_of["train"], bad)
    for split in records_of:
        records_of[split] = {name: records_of[split][name] for name in names}
    spelled = drop_missing(root, records_of, bad)

    categories: dict[str, int] = {}
    digest = hashlib.sha256(repr({**asdict(config), "data": None, "order": None}).encode())
    tasks = []
    for name in names:  # in the natural order, whose fingerprint is that of any order
        records = {split: by_task[name] for split, by_task in records_of.items()}
        splits = _splits(config, name, records)
        sources = {
            s: _source(config, s, kept, rows, categories, spelled) for s, (kept, rows) in splits.items()
        }
        tasks.append(TaskSource(name, sources))
    for task in tasks:
        for name, split in task.splits.items():
            digest.update("\n".join([task.name, name, *split.ids, *split.captions]).encode())
            digest.update(split.label)
    digest.update(file_content(_files(tasks)))
    tasks, number_ends = numbered(tasks)
    return StreamSource(
        name="p9d",
        scenario="retrieval",
        image_size=config.image_size,
        categories=list(categories),
        tasks=[tasks[n] for n in order],
        augment="product" if config.crop == "resized" else "product-original",
        fingerprint=digest.hexdigest(),
        skipped=dict(bad.counts),
        remarks=(*bad.remarks, *same_pictures(tasks)),
        words=WORDS,
        number_ends=number_ends,
    )


def _files(tasks: list[TaskSource]) -> Iterable[str]:
    """Each picture's file, once: query and gallery may have the same records as test."""
    splits = [split for task in tasks for split in task.splits.values()]
    return dict.fromkeys(split.pictures.path(row) for split in splits for row in range(len(split.ids)))


def _task_names(config: _Config, names: list[str]) -> list[str]:
    names = picked_tasks(config.task_names, names)
    if not names:
        raise UserError(f"{config.data}/json/train.json: holds no industry, allowed: at least one")
    if config.tasks is not None and config.tasks > len(names):
        raise UserError(f"tasks: {config.tasks}, allowed: 1 .. {len(names)}")
    return names[: config.tasks]


def _splits(config: _Config, name: str, records: dict[str, Records]) -> dict[str, tuple[Records, np.ndarray]]:
    """Chooses the rows of the records that make each split of a task."""
    # The task's own name seeds its draws, so that they do not change with the order of the tasks.
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    rng = np.random.default_rng([config.seed, 1, own])
    for split, least in (("train", 2), ("test", 1)):
        if len(records[split].ids) < least:
            raise UserError(
                f"{config.data}/json/{split}.json: task {name!r} has {len(records[split].ids)} sound "
                f"records, allowed: at least {least}"
            )
    train, test = (_sample(rng, len(records[s].ids), config.max_items) for s in ("train", "test"))
    out = {"train": (records["train"], train)}
    if config.validation:
        held = _held_out(rng, config, records["train"], train, len(test))
        out["train"] = records["train"], train[~np.isin(train, held)]
        out["validation"] = records["train"], held
    out["test"] = records["test"], test
    if all(split in records and records[split].ids for split in _RETRIEVAL):
        rows = _retrieval_rows(rng, records, config.max_items)
        out |= {split: (records[split], rows[split]) for split in _RETRIEVAL}
    return out


def _sample(rng: np.random.Generator, count: int, most: int | None) -> np.ndarray:
    if most is None or count <= most:
        return np.arange(count)
    return np.sort(rng.choice(count, most, replace=False))


def _held_out(
    rng: np.random.Generator, config: _Config, records: Records, rows: np.ndarray, most: int
) -> np.ndarray:
    """The validation rows. Different captions come first, since a caption that occurs twice cannot be told
    from its double.
    """
    size = min(max(round(config.validation * len(rows)), 1), most)
    first, again, seen = [], [], set()
    for row in rng.permutation(rows).tolist():
        title = records.titles[row]
        (again if title in seen else first).append(row)
        seen.add(title)
        if len(first) == size:
            break
    return np.sort(np.array((first + again)[:size]))


def _retrieval_rows(
    rng: np.random.Generator, records: dict[str, Records], most: int | None
) -> dict[str, np.ndarray]:
    """All rows; or whole categories, at least one, drawn until one would take query or gallery beyond
    ``most``.
    """
    columns = {split: np.array(records[split].categories, dtype=object) for split in _RETRIEVAL}
    if most is None or all(len(column) <= most for column in columns.values()):
        return {split: np.arange(len(column)) for split, column in columns.items()}
    shared = sorted(set(columns["query"]) & set(columns["gallery"])) or sorted(set(columns["gallery"]))
    kept = rng.permutation(np.array(shared, dtype=object))
    totals = np.max(
        [np.cumsum([np.count_nonzero(column == c) for c in kept]) for column in columns.values()], axis=0
    )
    kept = set(kept[: max(int(np.searchsorted(totals, most, side="right")), 1)])
    return {split: np.flatnonzero([c in kept for c in column])[:most] for split, column in columns.items()}


def _source(
    config: _Config,
    split: str,
    records: Records,
    rows: np.ndarray,
    categories: dict[str, int],
    spelled: Mapping[tuple[str, str], str],
) -> SplitSource:
    ids = [records.ids[r] for r in rows]
    folder = pictures_folder("train" if split == "validation" else split)
    label = [categories.setdefault(records.categories[r], len(categories)) for r in rows]
    return SplitSource(
        pictures=FilePictures(
            f"{config.data}/{folder}", [spelled.get((folder, i), i) for i in ids], config.image_size
        ),
        captions=[clean_caption(records.titles[r], WORDS) for r in rows],
        label=np.array(label, np.int32),
        ids=ids,
    )
