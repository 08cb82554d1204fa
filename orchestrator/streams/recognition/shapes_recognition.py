"""``shapes-recognition``: generated pictures of one thing each, with a new family of things in each task."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import get_args

import numpy as np

from ..numbered import numbered
from ..order import Order, check_order, ordered
from ..source import SplitSource, StreamSource, TaskSource
from ..synthetic.colours import COLOURS
from ..synthetic.families import THINGS, family
from ..synthetic.family_split import MOST_TASKS, Families, task_families
from ..synthetic.pictures import ScenePictures
from ..synthetic.scatter import scatter
from ..synthetic.scenes import SIZES
from .templates import templates

_SPLITS = ("train", "validation", "test")
_COLOURS = tuple(COLOURS)


@dataclass(frozen=True)
class _Config:
    """Keys of ``shapes-recognition``: seed, number of tasks and classes, and sizes."""

    seed: int = 0
    """The seed of the pictures, of the families and their natural order, and of the things' colours. Range: 0
    to 2**32 - 1.
    """

    order: Order = "natural"
    """Order of the tasks: ``natural``, as ``seed`` draws the families; another seed, which shuffles these; or
    a list of all their names or numbers (from 0). Range of a seed: 0 to 2**32 - 1.
    """

    families: Families = "known"
    """Whether the shipped CLIP was pretrained on the families of the tasks: ``known``, on all of them;
    ``new``, on none; ``mixed``, on the first, the third and so on.
    """

    tasks: int = 5
    """Tasks, one family of six things each. Range: 1 to 34 (``known``), 68 (``mixed``) or 500 (``new``)."""

    image_size: int = 32
    """Side of a picture in pixels. Range: 16 to 1024."""

    colours: int = 2
    """Colours of each thing. A thing in a colour is a class. Range: 1 to 8."""

    train: int = 40
    """Training pictures of each class. Range: 1 to 10**7."""

    validation: int = 10
    """Pictures of each class in the validation split. Range: 1 to 10**7."""

    test: int = 20
    """Pictures of each class in the test split. Range: 1 to 10**7."""

    templates: str | tuple[str, ...] = (
        "a photo of a {}.",
        "a picture of a {}.",
        "a drawing of a {}.",
        "a small {}.",
        "a big {}.",
        "a {}.",
    )
    """Prompts for class names: a list of sentences with ``{}`` for the name, or a set by name. ``photo`` is
    "a photo of a {}."; ``cifar`` and ``imagenet`` are the 18 and the 80 that CLIP's authors published;
    ``digits`` is five for numbers."""

    def __post_init__(self) -> None:
        if self.families not in get_args(Families):
            raise ValueError(f"families: {self.families!r}, allowed: {', '.join(get_args(Families))}")
        limits = {
            "seed": (0, 2**32 - 1),
            "tasks": (1, MOST_TASKS[self.families]),
            "image_size": (16, 1024),
            "colours": (1, len(_COLOURS)),
            **dict.fromkeys(_SPLITS, (1, 10**7)),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(f"{name}: {value!r}, allowed: an integer {low} .. {high}")
        check_order(self.order)
        templates(self.templates)


class ShapesRecognition:
    """Class-incremental recognition of single things. A class is a colour and a thing, "red hammer".

    Pictures of a thing vary in place, side, tilt, shade and background. The shipped CLIP was pretrained on
    the same generated world, on other pictures. It knows the colours. ``families`` says whether it knows the
    things. The same thing in another colour is another class of the same task, so that colour alone does not
    suffice.
    """

    Config = _Config
    scenario = "recognition"
    summary = "generated pictures of coloured things, a new family a task; needs no data"

    @staticmethod
    def load(config: _Config, skip_bad: bool) -> StreamSource:
        """Makes the stream. There is nothing bad to skip."""
        del skip_bad
        prompts = templates(config.templates)
        # The scenes name their families.
        apart = ("templates", "order", "families")
        drawn = {name: value for name, value in asdict(config).items() if name not in apart}
        digest = hashlib.sha256(repr(drawn).encode())
        families = task_families(config.seed, config.tasks, config.families)
        order = ordered(config.order, [family(index).name for index in families], "tasks")
        kinds = [_kinds(config, index) for index in families]
        tasks = []
        for number, index in enumerate(families):  # in the natural order, whose fingerprint is any order's
            first = sum(len(kinds[n]) for n in order[: order.index(number)])
            tasks.append(_task(config, index, kinds[number], first, digest))
        categories = [
            f"{_COLOURS[colour]} {family(families[n]).nouns[thing]}"
            for n in order
            for thing, colour in kinds[n]
        ]
        tasks, number_ends = numbered(tasks)
        pictures = digest.hexdigest()
        digest.update(repr(prompts).encode())
        return StreamSource(
            name="shapes-recognition",
            scenario="recognition",
            image_size=config.image_size,
            categories=categories,
            tasks=[tasks[n] for n in order],
            augment="shift",
            fingerprint=digest.hexdigest(),
            templates=prompts,
            pictures_fingerprint=pictures,
            families=tuple(families[n] for n in order),
            number_ends=number_ends,
        )


def _kinds(config: _Config, index: int) -> np.ndarray:
    """The task's classes in their order, (classes, 2): thing and colour."""
    rng = np.random.default_rng([config.seed, 1, index])
    colours = [rng.choice(len(_COLOURS), config.colours, replace=False) for _ in range(THINGS)]
    kinds = [(thing, colour) for thing, found in enumerate(colours) for colour in found]
    return rng.permutation(np.array(kinds))


def _task(config: _Config, index: int, kinds: np.ndarray, first: int, digest: hashlib._Hash) -> TaskSource:
    name = family(index).name
    splits = {}
    for number, split in enumerate(_SPLITS):
        rng = np.random.default_rng([config.seed, 2, index, number])
        label = np.repeat(np.arange(len(kinds)), getattr(config, split))
        objects = np.empty((len(label), 1, 4), int)
        objects[:, 0, 0] = index
        objects[:, 0, 1:3] = kinds[label]
        objects[:, 0, 3] = rng.integers(0, len(SIZES), len(label))
        scenes = scatter(rng, objects)
        pictures = ScenePictures(scenes, config.image_size)
        for column in scenes.columns():
            digest.update(np.ascontiguousarray(column))
        # The drawings are part of the content.
        digest.update(pictures.read(np.arange(min(len(scenes), 8))))
        splits[split] = SplitSource(
            pictures=pictures,
            captions=[],
            label=(first + label).astype(np.int32),
            ids=[f"{name}-{split}-{i:06d}" for i in range(len(scenes))],
        )
    return TaskSource(name, splits, range(first, first + len(kinds)))
