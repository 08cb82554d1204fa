"""Looks for the extreme orders of a study's stream."""

from __future__ import annotations

from ..config import RunConfig
from ..streams.extreme_orders import extreme_orders
from ..streams.source import StreamSource
from .found_orders import FoundOrders


def find_orders(config: RunConfig, source: StreamSource) -> FoundOrders:
    """The orders that should be the worst and the best, by what is alike before anything is trained.

    Args:
        config: A configuration on the stream, of the first method.
        source: The stream in its natural order.

    Returns:
        The orders, or why there are none.

    Raises:
        UserError: What is alike cannot be found out now. The message is one line.
    """
    from ..features.unit_similarity import unit_similarity  # torch

    alike = unit_similarity(config, source)
    found = extreme_orders(alike.matrix, alike.sizes)
    if found is None:
        return FoundOrders(reason=f"its {len(alike.sizes)} tasks are equally alike in every order")
    return FoundOrders({"worst": found.worst, "best": found.best}, found.similarity, alike.by, alike.what)
