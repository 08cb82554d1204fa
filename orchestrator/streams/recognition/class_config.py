"""What every class-incremental stream lets its user say about classes and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..checks import check_share, check_whole
from .templates import templates


@dataclass(frozen=True)
class ClassConfig:
    """``class_order``: ``seed``, NumPy's ``RandomState(seed).permutation`` of the classes, as PyCIL and the
    CLAP4CLIP code shuffle them (1993 there); or ``natural``, as the data set numbers them. ``initial`` and
    ``increment``: classes of the first task and of each later one: 10 and 10 is "10x10", 50 and 10 is
    "50+10x5". ``templates``: a named set (:func:`~orchestrator.streams.recognition.templates.templates`) or
    a list of prompts with ``{}``. ``validation``: the part of each class's training pictures that is held
    out, drawn by ``seed``; above 0, at most 0.5.
    """

    seed: int = 0
    class_order: Literal["seed", "natural"] = "seed"
    initial: int = 10
    increment: int = 10
    templates: str | tuple[str, ...] = "photo"
    validation: float = 0.1

    def __post_init__(self) -> None:
        check_whole("seed", self.seed, 0, 2**32 - 1)
        check_whole("initial", self.initial, 1)
        check_whole("increment", self.increment, 1)
        if self.class_order not in ("seed", "natural"):
            raise ValueError(f"class_order: {self.class_order!r}, allowed: seed, natural")
        check_share("validation", self.validation)
        templates(self.templates)
