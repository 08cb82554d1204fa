"""Prompt templates: sentences in which a class name takes the place of ``{}``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def _imagenet() -> tuple[str, ...]:
    # Imported here: open_clip takes seconds, and nearly no run asks for these.
    from open_clip.zero_shot_metadata import OPENAI_IMAGENET_TEMPLATES

    return tuple(fill("{}") for fill in OPENAI_IMAGENET_TEMPLATES)


_SETS: dict[str, Callable[[], tuple[str, ...]]] = {
    "photo": _photo,
    "cifar": _cifar,
    "imagenet": _imagenet,
    "digits": _digits,
}


def templates(chosen: str | Sequence[str]) -> tuple[str, ...]:
    """The templates of a named set, or those given, checked: each has ``{}`` once and no other brace.

    ``photo``: "a photo of a {}." ``cifar``, ``imagenet``: the 18 and the 80 that CLIP's authors published for
    CIFAR and ImageNet (github.com/openai/CLIP, ``data/prompts.md``), in their order. ``digits``: five for
    numbers. A one-line :class:`ValueError` for an unknown set, an empty list or a malformed template.
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
