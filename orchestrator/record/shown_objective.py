"""The value of an objective as tables show it."""

from __future__ import annotations

from ..schema.shown import shown_score

_WHOLE = ("replay/bytes", "parameters/trained")


def shown_objective(metric: str, value: float | None) -> str:
    """A score or seconds with two decimals, bytes and parameters as whole numbers; ``-`` where there is none.

    Args:
        metric: The objective's metric.
        value: Its value.
    """
    return f"{value:,.0f}" if value is not None and metric in _WHOLE else shown_score(value)
