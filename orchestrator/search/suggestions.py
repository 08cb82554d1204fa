"""Tries out what a search space can suggest."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from methods import registry as methods

from ..config import RunConfig
from ..schema.config_error import ConfigError, known
from ..schema.scalars import Scalar, text
from .parameter import Parameter
from .space_file import SpaceFile


def check_suggestions(
    file: SpaceFile,
    config: RunConfig,
    parameters: Sequence[Parameter],
    fixed: Mapping[str, Any],
    start: Mapping[str, Scalar],
) -> None:
    """Checks that the method accepts what the search can suggest: each end of each range, alone and with each
    end of each other range.

    Args:
        file: The search space's file, which errors name.
        config: The base configuration.
        parameters: What is searched.
        fixed: The dotted keys that have a value.
        start: The point to begin with; empty where there is none.

    Raises:
        UserError: A suggestion is not accepted, or what is searched is not the method's.
    """
    _Suggestions(file, config, parameters, fixed, start).check()


@dataclass(frozen=True)
class _Suggestions:
    file: SpaceFile
    config: RunConfig
    parameters: Sequence[Parameter]
    fixed: Mapping[str, Any]
    start: Mapping[str, Scalar]
    accepted: set[str] = field(default_factory=set)

    def check(self) -> None:
        """Tries each end of each range, alone and with each end of each other range."""
        self._check_encoder()
        keys = list(self.config.flat())
        for parameter in self.parameters:
            if parameter.key not in keys:
                try:
                    known(parameter.key, parameter.key, keys, "hyper-parameter")
                except ConfigError as error:
                    self.file.fail(f"search.{parameter.key}", error.problem)
            for end in parameter.ends:
                self._try({parameter.key: end})
        for a, b in itertools.combinations(self.parameters, 2):
            for one, other in itertools.product(a.ends, b.ends):
                self._try({a.key: one, b.key: other})

    def _check_encoder(self) -> None:
        """Refuses a search over a frozen encoder, because its features are computed once, before the first
        trial.
        """
        if methods.get(self.file.method).frozen:
            for parameter in self.parameters:
                if parameter.key.startswith("method.backbone."):
                    self.file.fail(
                        f"search.{parameter.key}",
                        "a frozen encoder is the same for all trials: allowed is fixed, or --set, "
                        "and a sweep for each encoder",
                    )

    def _try(self, wanted: dict[str, Scalar]) -> None:
        point = self._reach(wanted)
        if point is None or (known_as := repr(point)) in self.accepted:
            return
        try:
            self.config.with_values(point)
        except ConfigError as error:
            key = error.key if error.key in wanted else next(iter(wanted))
            problem = error.problem
            if len(wanted) > 1 or error.key != key:
                shown = " with ".join(f"{name} {text(value)}" for name, value in wanted.items())
                problem = f"{shown} is not allowed: {error.key}: {problem}"
            self.file.fail(f"search.{key}", problem)
        self.accepted.add(known_as)

    def _reach(self, wanted: dict[str, Scalar]) -> dict[str, Scalar] | None:
        """A whole suggestion that contains ``wanted``; None where conditions exclude it."""
        wanted = dict(wanted)
        for parameter in reversed(self.parameters):
            if parameter.key not in wanted:
                continue
            for key, condition in parameter.when.items():
                other = next((p for p in self.parameters if p.key == key), None)
                if other is not None and key not in wanted:
                    wanted[key] = next((v for v in other.samples if condition.holds(v)), other.ends[0])
        values: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if parameter.active({**self.fixed, **values}):
                values[parameter.key] = wanted.get(
                    parameter.key, self.start.get(parameter.key, parameter.ends[0])
                )
        return values if wanted.keys() <= values.keys() else None
