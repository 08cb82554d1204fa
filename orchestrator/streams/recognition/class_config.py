"""What every class-incremental stream lets its user say about classes and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..checks import check_share, check_whole
from .templates import templates


@dataclass(frozen=True)
class ClassConfig:
    """What every class-incremental stream lets its user say about classes and tasks."""

    seed: int = 0
    """What shuffles the classes and draws the validation pictures. Range: 0 to 2**32 - 1. Released code: 1993
    (CLAP4CLIP)."""

    class_order: Literal["seed", "natural"] = "seed"
    """Order of the classes: ``seed``, NumPy's ``RandomState(seed).permutation``, as PyCIL and the CLAP4CLIP
    code shuffle them, or ``natural``, as the data set numbers them; classes in folders are numbered by the
    lists' labels, else by the folders' names, sorted as text. Released code: seed (CLAP4CLIP)."""

    initial: int = 10
    """Classes of the first task. With ``increment`` 10 and 10 is "10x10", 50 and 10 is "50+10x5". Range: at
    least 1."""

    increment: int = 10
    """Classes of each later task. Range: at least 1."""

    templates: str | tuple[str, ...] = "photo"
    """Prompts for class names: a list of sentences with ``{}`` for the name, or a set by name. ``photo`` is
    "a photo of a {}."; ``cifar`` and ``imagenet`` are the 18 and the 80 that CLIP's authors published;
    ``digits`` is five for numbers."""

    validation: float = 0.1
    """Part of each class's training pictures that is held out, drawn by ``seed``; at least one picture.
    Range: above 0, at most 0.5."""

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, 0, 2**32 - 1)
        check_whole("initial", self.initial, 1)
        check_whole("increment", self.increment, 1)
        if self.class_order not in ("seed", "natural"):
            raise ValueError(f"class_order: {self.class_order!r}, allowed: seed, natural")
        check_share("validation", self.validation)
        templates(self.templates)
