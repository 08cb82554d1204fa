"""The streams by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import UserError

STREAMS = {
    "cifar100": "orchestrator.streams.recognition.cifar100:Cifar100",
    "digits": "orchestrator.streams.recognition.digits:Digits",
    "image-folder": "orchestrator.streams.recognition.image_folder:ImageFolder",
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


def names() -> list[str]:
    """All names, sorted."""
    return sorted(STREAMS)


def get(name: str) -> Any:
    """The reader class of a stream.

    Raises:
        UserError: No stream has that name.
    """
    if name not in STREAMS:
        raise UserError(f"stream: {name!r}, allowed: {', '.join(names())}")
    module, attribute = STREAMS[name].split(":")
    return getattr(import_module(module), attribute)
