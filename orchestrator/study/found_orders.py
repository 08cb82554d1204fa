"""Keeps the extreme orders that a study has found of its streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..storage.atomic_write import write_text
from ..storage.run_files import ORDERS_FILE


@dataclass(frozen=True)
class FoundOrders:
    """The extreme orders of a stream.

    Attributes:
        orders: ``worst`` and ``best`` -> numbers of classes or tasks, as ``stream.order`` takes them; empty
            where none could be found.
        similarity: The mean similarity of tasks that follow each other, by ``worst``, ``best`` and
            ``random``.
        by: What the similarity is of, in words.
        what: What the numbers are of: ``classes`` or ``tasks``.
        reason: Why none could be found, in one line; empty where they were.
    """

    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    similarity: Mapping[str, float] = field(default_factory=dict)
    by: str = ""
    what: str = ""
    reason: str = ""


class OrderStore:
    """The extreme orders of a study's streams, in a file that is whole at any time. They are found once, so
    that a method or a pair that is added later meets the same ones.

    Args:
        folder: The study's folder.

    Raises:
        UserError: The file has another content. The message is one line.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ORDERS_FILE
        self.found: dict[str, FoundOrders] = {}
        if self._path.exists():
            try:
                content = json.loads(self._path.read_text(encoding="utf-8"))
                self.found = {title: _read(said) for title, said in content.items()}
            except (OSError, ValueError, TypeError, AttributeError, KeyError):
                raise UserError(
                    f"{self._path}: is not what a study writes; allowed: none, by which it is made anew"
                ) from None

    def add(self, title: str, found: FoundOrders) -> None:
        """Records the orders of the stream that tables call ``title``."""
        self.found[title] = found
        content = {name: asdict(one) for name, one in self.found.items()}
        write_text(self._path, json.dumps(content, indent=1))


def _read(said: Mapping[str, Any]) -> FoundOrders:
    orders = {which: tuple(int(number) for number in order) for which, order in said["orders"].items()}
    return FoundOrders(**{**said, "orders": orders})
