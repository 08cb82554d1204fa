"""Which of a method's presets holds where none is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def own_preset(presets: Mapping[str, Mapping[str, Any]]) -> str:
    """The preset of the class's own values: ``paper``, or the first that sets none where ``paper`` sets some.

    Args:
        presets: A method's presets. At least one of them sets nothing.
    """
    return next(name for name in ("paper", *presets) if not presets[name])
