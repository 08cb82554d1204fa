"""``shapes-retrieval``: generated scenes and their captions, with a new family of things in each task."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import get_args

import numpy as np

from ..numbered import numbered
from ..order import Order, check_order, ordered
from ..source import SplitSource, StreamSource, TaskSource
from ..synthetic.caption import captions
from ..synthetic.colours import COLOURS
from ..synthetic.families import DRAWN, THINGS, family
from ..synthetic.pictures import ScenePictures
from ..synthetic.scenes import SIZES, Scenes, arrange
from ..synthetic.shift import Shift, group_families, task_looks
from ..synthetic.styles import STYLES, Style
from ..text.text_config import TextConfig

_MOST = 2
# The content of a caption: four things, and the first one's colour, size and count.
_TOLD = (THINGS, THINGS, THINGS, THINGS, len(COLOURS), len(SIZES), _MOST)
_CAPTIONS = math.prod(_TOLD)
_SPLITS = ("train", "validation", "test", "query", "gallery")


@dataclass(frozen=True)
class _Config(TextConfig):
    """Keys of ``shapes-retrieval``: seed, number of tasks, and sizes."""

    tokenizer: str = "words"
    max_tokens: int = 40
    """Length of a row in tokens, special tokens included. Longer captions are cut, and counted. A caption has
    at most 13 words. The nouns of invented families, whose number is not limited, are spelled. Range: 3 to
    512.
    """

    seed: int = 0
    """The seed of the scenes, and of the families and their natural order. Range: 0 to 2**32 - 1."""

    order: Order = "natural"
    """Order of the tasks: ``natural``, as ``seed`` draws the families; another seed, which shuffles these; or
    a list of all their names or numbers (from 0). Range of a seed: 0 to 2**32 - 1.
    """

    tasks: int = 5
    """Tasks. There are as many families of things. Range: 1 to 1000; 1 to 8 where ``shift`` is ``styles`` or
    ``domains``, since there are eight styles."""

    shift: Shift = "families"
    """What is new in a task: its family of things (``families``); the style in which things of all families
    are drawn (``styles``); or both family and style (``domains``)."""

    shared: float = 0.0
    """Share of a task's groups of things that come from the other tasks' families, as many from each. With
    ``styles`` tasks share all things, and it is 0. ``query`` and ``gallery`` show only the task's own things.
    Range: 0 to 0.5.
    """

    image_size: int = 32
    """Side of a picture in pixels. Range: 16 to 1024."""

    train: int = 480
    """Scenes that a task trains on. Range: 1 to 10**8."""

    validation: int = 96
    """Scenes of a task's validation split, whose captions do not repeat. Range: 2 to 41472."""

    test: int = 96
    """Scenes of a task's test split, whose captions do not repeat. Range: 2 to 41472."""

    query: int = 48
    """Queries of a task in multi-modal retrieval, on test. Range: 1 to 10**8."""

    gallery: int = 96
    """Gallery scenes of a task in multi-modal retrieval, on test. There is at least one of each thing, so
    that every query has something to find. Range: 6 to 10**8.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shift not in get_args(Shift):
            raise ValueError(f"shift: {self.shift!r}, allowed: {', '.join(get_args(Shift))}")
        limits = {
            "seed": (0, 2**32 - 1),
            "tasks": (1, 1000 if self.shift == "families" else len(STYLES)),
            "image_size": (16, 1024),
            "train": (1, 10**8),
            # Captions do not repeat in these splits.
            "validation": (2, _CAPTIONS),
            "test": (2, _CAPTIONS),
            "query": (1, 10**8),
            # There is at least one scene of each thing, so that every query has something to find.
            "gallery": (THINGS, 10**8),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f"{name}: {value!r}, allowed: an integer {low} .. {high}")
        check_order(self.order)
        self._check_shared()

    def _check_shared(self) -> None:
        if (
            not isinstance(self.shared, (int, float))
            or isinstance(self.shared, bool)
            or not 0 <= self.shared <= 0.5
        ):
            raise ValueError(f"shared: {self.shared!r}, allowed: 0 .. 0.5")
        if self.shared and self.shift == "styles":
            raise ValueError(
                f"shared: {self.shared!r}, allowed with shift styles, which shares all things: 0"
            )
        if self.shared and self.tasks == 1:
            raise ValueError(f"shared: {self.shared!r}, allowed with a single task: 0")


class ShapesRetrieval:
    """Image <-> text retrieval over scenes of four groups of things, one in each quarter of the picture.

    All groups of a scene have one colour. A caption names the four and tells the first one's count, size and
    colour: "two big red cars and a bus above a boat and a bike". A noun occurs in its own task only, and a
    task's captions differ mostly by their nouns, so that a model trained on later tasks alone loses the
    earlier ones. Captions are unique within a task's validation and test split, so that a perfect model
    reaches recall 1. In ``query`` and ``gallery`` all four groups are of the same thing, which is the
    category to be found again. In the other splits the category is the first group's thing.
    """

    Config = _Config
    scenario = "retrieval"
    summary = "generated scenes and captions, a new family of things a task; needs no data"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Makes the stream. There is nothing bad to skip."""
        del skip_bad
        drawn = np.random.default_rng([config.seed, 0]).permutation(DRAWN)
        families = ([int(i) for i in drawn] + list(range(DRAWN, config.tasks)))[: config.tasks]
        looks = task_looks(config.seed, config.shift, families)
        order = ordered(config.order, [name for name, _ in looks], "tasks")
        digest = hashlib.sha256(repr(_shown(config)).encode())
        # In the natural order, whose fingerprint is that of any order.
        tasks, number_ends = numbered(
            [_task(config, families, order, n, looks[n], digest) for n in range(config.tasks)]
        )
        return StreamSource(
            name="shapes-retrieval",
            scenario="retrieval",
            image_size=config.image_size,
            categories=[noun for n in order for noun in family(families[n]).nouns],
            tasks=[tasks[n] for n in order],
            augment="none",
            fingerprint=digest.hexdigest(),
            families=tuple(families[n] for n in order),
            number_ends=number_ends,
        )


def _shown(config: _Config) -> tuple[object, ...]:
    """The values on which the content depends. Streams of earlier versions have no ``shift`` and no
    ``shared``, and keep their fingerprints.
    """
    plain = {"shift": "families", "shared": 0}
    return tuple(
        value
        for name, value in asdict(config).items()
        if name != "order" and not (name in plain and value == plain[name])
    )


def _task(
    config: _Config,
    families: list[int],
    order: list[int],
    number: int,
    look: tuple[str, Style],
    digest: hashlib._Hash,
) -> TaskSource:
    """The task with ``number`` in the natural order."""
    name, style = look
    position = {families[n]: k for k, n in enumerate(order)}
    splits = {}
    for split in _SPLITS:
        scenes = _scenes(config, families, families[number], split)
        pictures = ScenePictures(scenes, config.image_size, style)
        for column in scenes.columns():
            digest.update(np.ascontiguousarray(column))
        # The drawings are part of the content.
        digest.update(pictures.read(np.arange(min(len(scenes), 8))))
        first = np.array([position[index] for index in scenes.family[:, 0].tolist()], np.int32)
        splits[split] = SplitSource(
            pictures=pictures,
            captions=captions(scenes),
            label=first * THINGS + scenes.thing[:, 0].astype(np.int32),
            ids=[f"{name}-{split}-{i:06d}" for i in range(len(scenes))],
        )
    return TaskSource(name, splits)


def _scenes(config: _Config, families: list[int], own: int, split: str) -> Scenes:
    n, number = getattr(config, split), _SPLITS.index(split)
    rng = np.random.default_rng([config.seed, 1, own, number])
    if split in ("validation", "test"):
        told = rng.choice(_CAPTIONS, n, replace=False)
    else:
        told = rng.integers(0, _CAPTIONS, n)
    *things, colour, size, count = np.unravel_index(told, _TOLD)
    groups = np.empty((n, 4, 4), int)
    groups[:, :, 0] = np.stack(things, 1)
    # Each scene has one colour: a cue so plain that a model trained from scratch soon does better than a
    # guess, in every task.
    groups[:, :, 1] = colour[:, None]
    groups[:, :, 2] = SIZES.index("big")
    groups[:, :, 3] = 1
    groups[:, 0, 2] = size
    groups[:, 0, 3] += count
    if split in ("query", "gallery"):
        groups[:, :, 0] = np.arange(n)[:, None] % THINGS
        return arrange(rng, own, groups)
    # It has a generator of its own: with other shares, the same scenes have other things in some of their
    # groups. Captions stay unique, since a thing's number in its family stays.
    draw = np.random.default_rng([config.seed, 3, own, number])
    return arrange(rng, group_families(draw, n, own, families, config.shift, config.shared), groups)
