"""A method of a study on one of its streams: its search space, and what it shares with others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..config import RunConfig
from ..errors import UserError
from ..features.frozen import asks_queries, frozen_backbone
from ..search.budget import Budget
from ..search.per_task_space import per_task_space
from ..search.preset_values import with_preset
from ..search.search_protocol import SearchProtocol
from ..search.space import Space
from .arm import Arm
from .check_sets import MEMORY
from .pair import Pair
from .searched import Searched
from .study_request import StudyRequest

_BUDGET = "replay.budget"
_SEARCH_HAS = (0, "natural")  # a seed or an order that no pair has


@dataclass(frozen=True)
class StudyArm:
    """A method on a stream.

    Attributes:
        method: The method.
        stream: The stream; None: the search space's own.
        searched: The stream and the space of its search. The stream is another one where the protocol says
            so.
        space: The search space on the stream that is reported on. Its pairs run by it.
        trials: How many trials its search is asked for; with a budget, its search space's number.
        protocol: The protocol, which says by which data its search chooses.
        budget: What the trials of its search may spend, in the place of ``trials``; None: it has a number of
            trials.
        best: How many of the best trials of its search are run with every pair.
        scheduler: The name of the rule that stops trials of its search; None: its search space's.
    """

    method: Arm
    stream: Arm | None
    searched: Searched
    space: Space
    trials: int
    protocol: SearchProtocol
    budget: Budget | None = None
    best: int = 1
    scheduler: str | None = None

    @classmethod
    def of(cls, request: StudyRequest, method: Arm, stream: Arm | None) -> StudyArm:
        """Reads and checks the search space of a method on a stream.

        Every method whose search space begins with a memory or searches its size has the study's memory. A
        stream's own value wins over it, and a method's own value over both.

        Args:
            request: The study's request.
            method: The method.
            stream: The stream; None: the search space's own.

        Raises:
            UserError: The search space cannot be read, or a value is wrong. The message is one line.
        """
        values = {**(request.values or {}), **(stream.values if stream else {}), **method.values}
        if request.memory is not None and MEMORY not in values:
            space = Searched.of(method, stream, with_preset(method.name, values)).space
            if space.start_config.replay.size or space.searches(MEMORY):
                values[MEMORY] = request.memory
        values = with_preset(method.name, values)
        own = Searched.of(method, stream, values)
        if request.protocol.per_task:
            _check_walk(method.label, request)
            own = replace(own, space=per_task_space(own.space))
        _check_search(method.label, own.space)
        searched = own.elsewhere(method, request.protocol, request.pairs)
        trials = request.trials or own.space.trials
        if request.budget is not None:
            request.budget.check_options(own.space.config.run)
        how = trials, request.protocol, request.budget, request.best, request.scheduler
        return cls(method, stream, searched, own.space, *how)

    @property
    def title(self) -> str:
        """What tables call the stream."""
        return self.space.config.stream_name if self.stream is None else self.stream.label

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
        """Whether its search sees another stream than its runs with a pair."""
        return self.protocol.apart

    def shares(self) -> str:
        """The values that methods must have in common to share a session: the stream, a frozen encoder's
        features of it, and the resources of a lane.
        """
        return repr([_shared(space.config) for space in (self.searched.space, self.space)])

    def on_its_stream(self, config: RunConfig) -> RunConfig:
        """The configuration of a trial of its search, on the stream that is reported on. Trials choose no
        values of a stream.
        """
        if not self.protocol.other:
            return config
        return RunConfig.from_dict({**config.to_dict(), "stream": self.space.config.to_dict()["stream"]})


def _shared(config: RunConfig) -> tuple[Any, ...]:
    flat = config.flat()
    run = {key: value for key, value in flat.items() if key.startswith("run.") and key != "run.seed"}
    frozen = config.method.backbone if asks_queries(config) else frozen_backbone(config)
    return config.stream_name, config.stream, run, config.replay.store, frozen


def _check_walk(label: str, request: StudyRequest) -> None:
    """Checks that no number of trials is asked for where each run chooses its values as it walks."""
    asked = request.budget.option if request.budget else ""
    asked = asked if request.trials is None else f"--trials {request.trials}"
    asked = asked if request.best == 1 else f"--best {request.best}"
    asked = asked if request.scheduler is None else f"--scheduler {request.scheduler}"
    if asked:
        raise UserError(
            f"{label}: {asked}: by the protocol {request.protocol.text} a method has one walk, which chooses "
            "at each task; allowed: without"
        )


def _check_search(label: str, space: Space) -> None:
    """Checks that the search shares seed and order with no pair, whose luck would otherwise choose the
    values, and has one objective, by which a study compares methods.
    """
    if space.objective.others:
        raise UserError(f"{label}: {space.path} has several objectives; allowed in a study is one")
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
