"""A method of a study on one of its streams: its search space, and what it shares with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..commands.named_space import named_space
from ..config import RunConfig
from ..features.frozen import asks_queries, frozen_backbone
from ..search.preset_values import with_preset
from ..search.space import Space
from .arm import Arm
from .study_request import StudyRequest

_MEMORY = "replay.size"


@dataclass(frozen=True)
class StudyArm:
    """A method on a stream.

    Attributes:
        method: The method.
        stream: The stream; None: the search space's own.
        values: Dotted key -> value of what the study fixes.
        space: What is searched.
    """

    method: Arm
    stream: Arm | None
    values: Mapping[str, Any]
    space: Space

    @classmethod
    def of(cls, request: StudyRequest, method: Arm, stream: Arm | None) -> StudyArm:
        """Reads and checks the search space of a method on a stream.

        The study's memory is the memory of every method whose search space begins with one. What a method or
        a stream says of its own wins over it, and a method over its stream.

        Raises:
            UserError: Something of it is wrong. The message is one line.
        """
        values = {**(request.values or {}), **(stream.values if stream else {}), **method.values}
        if request.memory is not None and _MEMORY not in values:
            space = cls._space(method, stream, with_preset(method.name, values))
            if space.start_config.replay.size:
                values[_MEMORY] = request.memory
        values = with_preset(method.name, values)
        return cls(method, stream, values, cls._space(method, stream, values))

    @staticmethod
    def _space(method: Arm, stream: Arm | None, values: Mapping[str, Any]) -> Space:
        name, data = (None, None) if stream is None else (stream.name, stream.data)
        return Space.load(named_space(method.name, method.space), name, data, values, method=method.name)

    @property
    def trials(self) -> int:
        """Trials of the search space."""
        return self.space.trials

    def shares(self) -> str:
        """What has to be the same for methods to share a session: the stream, what a frozen encoder gives of
        it, and what a lane holds.
        """
        return shared_of(self.space.config)


def shared_of(config: RunConfig) -> str:
    """See :meth:`StudyArm.shares`."""
    flat = config.flat()
    run = {key: value for key, value in flat.items() if key.startswith("run.") and key != "run.seed"}
    frozen = config.method.backbone if asks_queries(config) else frozen_backbone(config)
    return repr((config.stream_name, config.stream, run, config.replay.store, frozen))
