"""The stream of the search of a study's method, and the search space on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..commands.named_space import named_space
from ..errors import UserError
from ..search.check_plan_said import check_plan_said
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from .arm import Arm
from .pair import Pair

_NAME, _DATA, _ORDER = "stream.name", "stream.data", "stream.order"


@dataclass(frozen=True)
class Searched:
    """The stream and the search space of a method's search. The stream is the one on which the study reports,
    or another one.

    Attributes:
        stream: The stream's name; None: the search space's own.
        data: The folder of a stream that reads a data set; None: it reads none, or ``values`` have it.
        values: Dotted key -> fixed value.
        space: What is searched, on this stream.
    """

    stream: str | None
    data: str | None
    values: Mapping[str, Any]
    space: Space

    @classmethod
    def of(cls, method: Arm, stream: Arm | None, values: Mapping[str, Any]) -> Searched:
        """Reads the search space of a method on a stream.

        Args:
            method: The method.
            stream: The stream; None: the search space's own.
            values: Dotted key -> fixed value.

        Raises:
            UserError: The search space cannot be read, or a value is wrong. The message is one line.
        """
        name, data = (None, None) if stream is None else (stream.name, stream.data)
        return cls._read(method, name, data, values)

    @classmethod
    def _read(cls, method: Arm, name: str | None, data: str | None, values: Mapping[str, Any]) -> Searched:
        space = Space.load(named_space(method.name, method.space), name, data, values, method=method.name)
        check_plan_said(space)
        return cls(name, data, values, space)

    def elsewhere(self, method: Arm, protocol: SearchProtocol, pairs: int) -> Searched:
        """Returns this search, or the same on the stream that ``protocol`` names.

        Where that stream has another name, the fixed values of this stream are left out.

        Args:
            method: The method.
            protocol: The protocol, which says by which data the search chooses.
            pairs: How many pairs of seed and order there are.

        Raises:
            UserError: The protocol's stream is this one, cannot be learnt by the method, or has the order of
                a pair. The message is one line.
        """
        other = dict(protocol.stream)
        if not other:
            return self
        own, said = self.space.config, f"{method.label}: protocol {protocol.text}"
        name, data, values = other.pop(_NAME, None), self.data, self.values
        if name is not None and name != own.stream_name:
            values = {key: value for key, value in values.items() if not key.startswith("stream.")}
            data = None
        data = other.pop(_DATA, data)
        found = self._read(method, name or self.stream, data, {**values, **other})
        there = found.space.config
        if (there.stream_name, there.stream) == (own.stream_name, own.stream):
            raise UserError(f"{said}: is the stream that is reported on; allowed: another value")
        order = there.flat().get(_ORDER)
        if order in [Pair(number).values[_ORDER] for number in range(1, pairs + 1)]:
            raise UserError(
                f"{said}: pair {order} has this order; allowed: natural, or a whole number above {pairs}"
            )
        return found
