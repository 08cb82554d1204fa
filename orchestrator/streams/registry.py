"""The streams by name."""

from __future__ import annotations

from typing import Any, get_args

from methods.method import Scenario
from methods.outside import NamedClasses, config_problem

from ..errors import UserError

STREAMS = {
    "cifar100": "orchestrator.streams.recognition.cifar100:Cifar100",
    "digits": "orchestrator.streams.recognition.digits:Digits",
    "image-folder": "orchestrator.streams.recognition.image_folder:ImageFolder",
    "mnist-5k": "orchestrator.streams.recognition.mnist_5k:Mnist5k",
    "next-qa": "orchestrator.streams.vqa.next_qa:NextQa",
    "p9d": "orchestrator.streams.retrieval.p9d:P9D",
    "shapes-recognition": "orchestrator.streams.recognition.shapes_recognition:ShapesRecognition",
    "shapes-retrieval": "orchestrator.streams.retrieval.shapes_retrieval:ShapesRetrieval",
    "shapes-vqa": "orchestrator.streams.vqa.shapes_vqa:ShapesVQA",
    "vqa-v2": "orchestrator.streams.vqa.vqa_v2:VqaV2",
}
"""Name -> ``module:Class``.

A class has ``Config`` (a frozen dataclass that validates itself with one-line :class:`ValueError`),
``scenario``, ``summary`` (one line) and ``load(config, skip_bad) -> StreamSource``.
"""


GROUP = "vlcl.streams"
"""The entry point group in which an installed package offers streams."""


def names() -> list[str]:
    """All names, sorted: the table's, and those that installed packages offer."""
    return sorted(_CLASSES.names())


def outside(name: str) -> bool:
    """Whether a stream is not the project's own."""
    return _CLASSES.outside(name)


def get(name: str) -> Any:
    """The reader class of a stream: of a name of :func:`names`, or ``module:Class``.

    Raises:
        UserError: The name is not known, or its class is no stream.
        NotSaid: See :func:`~methods.outside.only_said`.
    """
    if _CLASSES.unknown(name):
        raise UserError(f"stream: {name!r}, allowed: {', '.join(names())}")
    try:
        return _CLASSES.get(name)
    except ValueError as error:
        raise UserError(f"stream {error}") from error


def _problem(cls: Any) -> str:
    if problem := config_problem(cls):
        return problem
    allowed = get_args(Scenario)
    if getattr(cls, "scenario", None) not in allowed:
        return f"has no scenario; allowed: one of {', '.join(allowed)}"
    if not isinstance(getattr(cls, "summary", None), str):
        return "has no summary; allowed: a line of text"
    if not callable(getattr(cls, "load", None)):
        return "has no load; allowed: a static method load(config, skip_bad) that gives a StreamSource"
    return ""


_CLASSES = NamedClasses("stream", GROUP, STREAMS, _problem)
