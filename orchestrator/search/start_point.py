"""A point with which a search begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UserError
from ..schema.scalars import Scalar

_KEYS = ("from", "trial", "values")


@dataclass(frozen=True)
class StartPoint:
    """A point with which a search begins: one of its first trials.

    Attributes:
        values: Dotted key -> value, for exactly the parameters that are searched there; None: the values are
            not looked up yet.
        source: The name of the sweep or of the recipe that it comes from; empty: the search space's own file.
        trial: The id of the sweep's trial; empty: it comes from no trial.
    """

    values: Mapping[str, Scalar] | None
    source: str = ""
    trial: str = ""

    @classmethod
    def read(cls, content: Any, where: str) -> StartPoint:
        """The point that :meth:`plain` made.

        Args:
            content: What a file has.
            where: The file, for the error.

        Raises:
            UserError: The content is no such point. The message is one line.
        """
        if (
            not isinstance(content, Mapping)
            or tuple(content) != _KEYS
            or not isinstance(content["values"], Mapping)
            or not all(isinstance(content[name], str) for name in ("from", "trial"))
        ):
            raise UserError(
                f"{where}: starts has {str(content)[:60]!r}; allowed are the keys {', '.join(_KEYS)}"
            )
        return cls(dict(content["values"]), content["from"], content["trial"])

    def plain(self) -> dict[str, Any]:
        """The point as a mapping for YAML."""
        return {"from": self.source, "trial": self.trial, "values": dict(self.values or {})}

    def at(self, values: Mapping[str, Scalar]) -> StartPoint:
        """This point with other values."""
        return replace(self, values=dict(values))

    @property
    def said(self) -> str:
        """The source of the point, in words."""
        if not self.source:
            return "the space's start"
        number = self.trial.rpartition("_")[2].lstrip("0")
        return f"trial {number} of {self.source}" if self.trial else self.source


def starts_said(starts: Sequence[StartPoint]) -> str:
    """The points at which a search begins, in words; empty where it is the one start of its space, or there
    is none.
    """
    if len(starts) < 2 and not any(point.source for point in starts):
        return ""
    return ", ".join(point.said for point in starts)
