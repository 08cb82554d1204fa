"""Prompt templates: sentences with ``{}`` for a class name."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_VIEWS = ("a photo", "a blurry photo", "a black and white photo", "a low contrast photo")
_MORE_VIEWS = ("a high contrast photo", "a bad photo", "a good photo")


def _photo() -> tuple[str, ...]:
    return ("a photo of a {}.",)


def _digits() -> tuple[str, ...]:
    return (
        "a photo of the number {}.",
        "a handwritten number {}.",
        "a drawing of the digit {}.",
        "a blurry photo of the number {}.",
        "the number {}.",
    )


def _cifar() -> tuple[str, ...]:
    return tuple(
        prompt
        for article in ("a", "the")
        for prompt in (
            *(f"{view} of {article} {{}}." for view in (*_VIEWS, *_MORE_VIEWS)),
            *(f"a photo of {article} {size} {{}}." for size in ("small", "big")),
        )
    )


@cache
def _imagenet() -> tuple[str, ...]:
    # open_clip takes seconds to import, and each configuration with these templates is checked here. Its file
    # with the templates imports nothing.
    package = find_spec("open_clip")
    assert package is not None and package.origin is not None, "the project requires it"
    file = Path(package.origin).parent / "zero_shot_metadata.py"
    return tuple(fill("{}") for fill in runpy.run_path(str(file))["OPENAI_IMAGENET_TEMPLATES"])


_SETS: dict[str, Callable[[], tuple[str, ...]]] = {
    "photo": _photo,
    "cifar": _cifar,
    "imagenet": _imagenet,
    "digits": _digits,
}


def templates(chosen: str | Sequence[str]) -> tuple[str, ...]:
    """The templates of a named set, or given ones. Each has ``{}`` once and no other brace.

    Args:
        chosen: A list of templates, or a set's name. ``photo`` is "a photo of a {}." ``cifar`` and
            ``imagenet`` are the 18 and the 80 that CLIP's authors published for CIFAR and ImageNet
            (github.com/openai/CLIP, ``data/prompts.md``), in their order. ``digits`` is five for numbers.

    Raises:
        ValueError: The set is unknown, the list is empty, or a template is malformed. The message is one
            line.
    """
    if isinstance(chosen, str):
        if chosen not in _SETS:
            raise ValueError(
                f"templates: {chosen!r}, allowed: {', '.join(_SETS)}, or a list of prompts with {{}}"
            )
        return _SETS[chosen]()
    if not chosen:
        raise ValueError("templates: [], allowed: at least one prompt with {}")
    for template in chosen:
        parts = template.split("{}")
        if len(parts) != 2 or any(brace in part for part in parts for brace in "{}"):
            raise ValueError(f"templates: {template!r}, allowed: a prompt with {{}} once, for the class name")
    return tuple(chosen)
