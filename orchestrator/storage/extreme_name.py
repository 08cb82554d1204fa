"""The names of a study's runs in extreme orders, by which they are kept out of means."""

from __future__ import annotations

import re

EXTREMES = ("worst", "best")
"""The names of the extreme orders."""

_NAME = re.compile(rf".+-({'|'.join(EXTREMES)})-order")


def extreme_name(which: str) -> str:
    """The end of the name of a run in an extreme order.

    Args:
        which: One of :data:`EXTREMES`.
    """
    return f"{which}-order"


def extreme_order(run: str) -> str:
    """The extreme order that a run of this name has; empty: it has none.

    Args:
        run: The run's name.
    """
    found = _NAME.fullmatch(run)
    return found[1] if found else ""
