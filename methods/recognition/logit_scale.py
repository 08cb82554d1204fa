"""The scale of a method's logits, where it is not CLIP's."""

from __future__ import annotations

from dataclasses import replace

from ..common.checks import check_range
from ..method import ClassSpec


def check_logit_scale(value: float | str, words: tuple[str, ...] = ("clip",)) -> None:
    """Checks a ``logit_scale``.

    Args:
        value: A number above 0, or one of the words.
        words: What it may be besides a number.

    Raises:
        ValueError: It is neither. The message has one line.
    """
    if not isinstance(value, str):
        check_range("logit_scale", value, 0, open_low=True)
    elif value not in words:
        raise ValueError(
            f"logit_scale {value!r} must be {', '.join(('a number', *words[:-1]))} or {words[-1]}"
        )


def at_logit_scale(spec: ClassSpec, value: float | str) -> ClassSpec:
    """Returns the classes with another scale of the logits.

    Args:
        spec: The stream's classes, with CLIP's scale.
        value: A number, or ``clip``, which changes nothing.
    """
    return spec if value == "clip" else replace(spec, scale=float(value))
