"""A method of a study on one of its streams: its search space, and what it shares with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..commands.named_space import named_space
from ..errors import UserError
from ..features.frozen import asks_queries, frozen_backbone
from ..search.preset_values import with_preset
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from .arm import Arm
from .check_sets import MEMORY
from .pair import Pair
from .study_request import StudyRequest

_BUDGET = "replay.budget"
_SEARCH_HAS = (0, "natural")  # a seed or an order that no pair has


@dataclass(frozen=True)
class StudyArm:
    """A method on a stream.

    Attributes:
        method: The method.
        stream: The stream; None: the search space's own.
        values: Dotted key -> value of what the study fixes.
        space: What is searched.
        trials: How many trials its search is asked for.
        protocol: By which data its search chooses.
    """

    method: Arm
    stream: Arm | None
    values: Mapping[str, Any]
    space: Space
    trials: int
    protocol: SearchProtocol

    @classmethod
    def of(cls, request: StudyRequest, method: Arm, stream: Arm | None) -> StudyArm:
        """Reads and checks the search space of a method on a stream.

        The study's memory is the memory of every method whose search space begins with one or searches its
        size. What a method or a stream says of its own wins over it, and a method over its stream.

        Raises:
            UserError: Something of it is wrong. The message is one line.
        """
        values = {**(request.values or {}), **(stream.values if stream else {}), **method.values}
        if request.memory is not None and MEMORY not in values:
            space = cls._space(method, stream, with_preset(method.name, values))
            if space.start_config.replay.size or space.searches(MEMORY):
                values[MEMORY] = request.memory
        values = with_preset(method.name, values)
        space = cls._space(method, stream, values)
        _check_search(method.label, space)
        trials = request.trials or space.trials
        return cls(method, stream, values, space, trials, request.protocol)

    @staticmethod
    def _space(method: Arm, stream: Arm | None, values: Mapping[str, Any]) -> Space:
        name, data = (None, None) if stream is None else (stream.name, stream.data)
        return Space.load(named_space(method.name, method.space), name, data, values, method=method.name)

    @property
    def memory(self) -> str:
        """The replay memory of all its runs, in samples, as tables have it: ``40``, ``20 a class``, ``0``
        without one, or ``searched``.
        """
        replay = self.space.start_config.replay
        if self.space.searches(MEMORY) or (replay.size and self.space.searches(_BUDGET)):
            return "searched"
        return f"{replay.size} a class" if replay.size and replay.budget == "per_class" else str(replay.size)

    @property
    def searches_apart(self) -> bool:
        """Whether its search is shown another stream than its runs with a pair."""
        return self.protocol != SearchProtocol()

    def shares(self) -> str:
        """What has to be the same for methods to share a session: the stream, what a frozen encoder gives of
        it, and what a lane holds.
        """
        config = self.space.config
        flat = config.flat()
        run = {key: value for key, value in flat.items() if key.startswith("run.") and key != "run.seed"}
        frozen = config.method.backbone if asks_queries(config) else frozen_backbone(config)
        return repr((config.stream_name, config.stream, run, config.replay.store, frozen))


def _check_search(label: str, space: Space) -> None:
    """Checks that the search has the seed and the order of no pair, whose luck would choose the values."""
    flat = space.config.flat()
    for key in Pair(1).values:
        if key not in flat:
            raise UserError(
                f"{label}: the stream {space.config.stream_name} has no {key}, and each pair has its own; "
                "allowed: a stream with it"
            )
        if flat[key] not in _SEARCH_HAS:
            raise UserError(
                f"{label}: {space.path} has {key} {flat[key]!r}, and each pair has its own; allowed: without"
            )
