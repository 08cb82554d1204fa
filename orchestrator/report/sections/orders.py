"""A stream's methods in extreme orders, beside the pairs."""

from __future__ import annotations

from ..html import join, tag
from ..order_rows import order_rows
from ..stream_result import StreamResult
from ..table import table
from .section import Section


def orders(stream: StreamResult) -> Section | None:
    """The figure of each method in the worst and the best order, beside those of its pairs; None where no
    extreme orders are asked for.

    Args:
        stream: The stream.
    """
    if stream.orders is None:
        return None
    heads, *rows = order_rows(stream)
    shown = [] if stream.orders.reason else [table(heads, rows, "orders")]
    return Section("Extreme orders", join(tag("p", stream.orders.about, kind="soft"), *shown))
