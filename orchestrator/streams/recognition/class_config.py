"""The keys of classes and tasks, which every class-incremental stream has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks import check_share, check_whole
from ..order import Order, check_order
from .templates import templates


@dataclass(frozen=True)
class ClassConfig:
    """The keys of classes and tasks, which every class-incremental stream has."""

    seed: int = 0
    """The seed by which validation pictures are drawn. Range: 0 to 2**32 - 1."""

    order: Order = 0
    """Order in which classes arrive: a seed of NumPy's ``RandomState(seed).permutation``, as PyCIL and the
    CLAP4CLIP code shuffle them; ``natural``, as the data set numbers them; or a list of all names or numbers
    (from 0). Classes in folders are numbered by the lists' labels, else by the folders' names, sorted as
    text. Range of a seed: 0 to 2**32 - 1. Released code: 1993 (CLAP4CLIP)."""

    initial: int = 10
    """Classes of the first task. With ``increment`` 10 and 10 is "10x10", 50 and 10 is "50+10x5". Range: at
    least 1."""

    increment: int | tuple[int, ...] = 10
    """Classes of each later task: a number, or a list with that of each, ``[1, 2, 5]``, which add up to the
    classes that ``initial`` leaves. Range: at least 1."""

    templates: str | tuple[str, ...] = "photo"
    """Prompts for class names: a list of sentences with ``{}`` for the name, or a set by name. ``photo`` is
    "a photo of a {}."; ``cifar`` and ``imagenet`` are the 18 and the 80 that CLIP's authors published;
    ``digits`` is five for numbers."""

    validation: float = 0.1
    """Part of each class's training pictures that is held out, drawn by ``seed``; at least one picture. With
    0 nothing is held out. A run then trains on all pictures and can be tested, but nothing can be searched or
    stopped early. Range: 0 to 0.5. Released code: 0 (CLAP4CLIP).
    """

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, 0, 2**32 - 1)
        check_whole("initial", self.initial, 1)
        _check_increment(self.increment)
        check_order(self.order)
        check_share("validation", self.validation, none=True)
        templates(self.templates)


def _check_increment(increment: Any) -> None:
    if not isinstance(increment, list | tuple):
        check_whole("increment", increment, 1)
    elif wrong := [size for size in increment if type(size) is not int or size < 1]:
        raise ValueError(f"increment: {wrong[0]!r} is listed, allowed: integers, at least 1 each")
