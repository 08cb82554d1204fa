"""Reads a search space from its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

from methods import registry as methods

from ..config import flatten, where_in
from ..evaluation.objective import Objective
from ..record.memory_worth import MEMORY_SIZE
from ..schema import strict_yaml
from ..schema.config_error import ConfigError, known
from ..schema.registered import Registry, registered
from ..schema.scalars import Scalar
from ..streams import registry as streams
from .parameter import Parameter
from .read_objectives import read_objective, read_objectives
from .read_per_task import read_per_task
from .sampler_choice import SamplerChoice
from .scheduler_choice import SchedulerChoice
from .start_point import StartPoint

_KEYS = (
    "method",
    "stream",
    "objective",
    "objectives",
    "trials",
    "sampler",
    "scheduler",
    "fixed",
    "start",
    "search",
    "per_task",
)
_REQUIRED = ("method", "stream", "objective", "trials", "search")
# Metrics that every task reports. Tune compares trials from the first task on, where forgetting and backward
# transfer are not defined yet.
_MATRIX_METRICS = ("average", "average_over_time", "learning_accuracy")
_METRICS = {
    "retrieval": (
        *_MATRIX_METRICS,
        *(f"seen/{way}_r{k}" for way in ("txt", "img") for k in (1, 5, 10)),
        "seen/r_mean",
    ),
    "recognition": (
        *_MATRIX_METRICS,
        *(f"unweighted_{name}" for name in _MATRIX_METRICS if name.startswith("average")),
        "seen/accuracy",
        "seen/ece",
    ),
    "vqa": (
        *_MATRIX_METRICS,
        "seen/accuracy",
        "vqacl/ap",
        "triplet/average_accuracy",
        "triplet/final_accuracy",
    ),
}

# Metrics that are defined from the second task on. They may be objectives beside one of the above.
_BESIDE = {
    "retrieval": ("forgetting",),
    "recognition": ("forgetting", "task_aware_forgetting"),
    "vqa": ("forgetting", "vqacl/forget", "triplet/forgetting"),
}


class SpaceFile:
    """The content of a search space's file, checked as far as possible without the method's own ranges.

    Attributes:
        path: The file.
        method: The method's name.
        stream: The stream's name.
        objective: The objective of the search; the first of several has the others.
        trials: How many trials the file asks for.
        sampler: The sampler that proposes them.
        scheduler: The rule that stops them.
        fixed: Dotted key -> value.
        parameters: What is searched, in the file's order, except that each parameter comes after those that
            its ``when`` names.
        starts: The points at which the search begins, in the file's order. A point that is the name of a
            recipe has no values yet.
        per_task: What the protocol ``per-task`` chooses; None: the file does not say.

    Raises:
        UserError: Something is wrong. The message names file and line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content, self._lines = strict_yaml.read(path)
        if not isinstance(content, Mapping):
            raise ConfigError("file", f"expected the keys {', '.join(_KEYS)}, found {content!r}", f"{path}:")
        for key in content:
            if key not in _KEYS:
                self._known(key, key, _KEYS, "key")
        for key in _REQUIRED:
            if key not in content and not (key == "objective" and "objectives" in content):
                self.fail(key, f"missing; a search space needs {', '.join(_REQUIRED)}")
        self.method: str = self._registered(content["method"], "method", methods)
        self.stream: str = self._registered(content["stream"], "stream", streams)
        self.objective = self._objective(content)
        self.trials: int = content["trials"]
        if not isinstance(self.trials, int) or isinstance(self.trials, bool) or self.trials < 1:
            self.fail("trials", f"expected an integer of 1 or more, found {self.trials!r}")
        self.sampler = SamplerChoice.parse(content.get("sampler", "tpe"), self._below("sampler"))
        self.scheduler = SchedulerChoice.parse(content.get("scheduler", "asha"), self._below("scheduler"))
        self.fixed = self._values(content.get("fixed", {}), "fixed")
        for name in ("method.name", "stream.name"):
            if name in self.fixed:
                self.fail(f"fixed.{name}", f"is what {name.partition('.')[0]}: says, at the top of the file")
        self.parameters = self._ordered(self._parameters(content["search"]))
        self.starts = self._starts(content["start"]) if "start" in content else ()
        self.per_task = read_per_task(content, self.parameters, self.fixed, self.fail)

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raises the error for a dotted key of this file."""
        raise ConfigError(key, problem, where_in(self.path, self._lines, key))

    def _below(self, section: str) -> Callable[[str, str], NoReturn]:
        return lambda key, problem: self.fail(f"{section}.{key}".rstrip("."), problem)

    def _known(self, name: Any, key: str, allowed: Any, kind: str) -> str:
        try:
            return known(name, key, allowed, kind)
        except ConfigError as error:
            self.fail(key, error.problem)

    def _registered(self, name: Any, key: str, registry: Registry) -> str:
        try:
            return registered(name, key, registry, key)
        except ConfigError as error:
            self.fail(key, error.problem)

    def _objective(self, content: Mapping[str, Any]) -> Objective:
        scenario = streams.get(self.stream).scenario
        allowed = [f"validation/{name}" for name in _METRICS[scenario]]
        if "objectives" not in content:
            return read_objective(content["objective"], "objective", allowed, self.fail)
        if "objective" in content:
            self.fail("objectives", "is given beside objective; allowed is one of the two")
        beside = [f"validation/{name}" for name in _BESIDE[scenario]]
        return read_objectives(content["objectives"], allowed, beside, self.fail)

    def _values(self, values: Any, section: str) -> dict[str, Any]:
        if not isinstance(values, Mapping):
            self.fail(section, f"expected a mapping of keys to values, found {values!r}")
        try:
            return flatten(values)
        except ConfigError as error:
            self.fail(f"{section}.{error.key}", error.problem)

    def _parameters(self, values: Any) -> dict[str, Parameter]:
        if not isinstance(values, Mapping):
            self.fail("search", f"expected a mapping of keys to distributions, found {values!r}")
        for key in values:
            section, _, name = key.partition(".")
            if section not in ("method", "replay") or not name or name in ("name", "preset"):
                self.fail(
                    f"search.{key}",
                    "cannot be searched; allowed are method.* (but name and preset) and replay.*, dotted",
                )
            if key in self.fixed:
                self.fail(f"search.{key}", "is both fixed and searched; allowed is one of the two")
            if key == MEMORY_SIZE and isinstance(values[key], Mapping) and values[key].get("when"):
                self.fail(
                    f"search.{key}.when",
                    "trials are compared by their memory; allowed is a size in every trial, 0 for none",
                )
        return {key: self._parameter(key, value) for key, value in values.items()}

    def _parameter(self, key: str, values: Any) -> Parameter:
        return Parameter.parse(key, values, self._below(f"search.{key}"))

    def _ordered(self, parameters: dict[str, Parameter]) -> tuple[Parameter, ...]:
        graph: dict[str, list[str]] = {}
        for parameter in parameters.values():
            for key, condition in parameter.when.items():
                at = f"search.{parameter.key}.when.{key}"
                if key not in parameters and key not in self.fixed:
                    self._known(key, at, [*parameters, *self.fixed], "searched or fixed key")
                other = parameters.get(key)
                if other is None:
                    continue
                for value in condition.values or ():
                    if not other.contains(value):
                        self.fail(at, f"{value!r} is no value of {key}; allowed are {other.range}")
                if not any(condition.holds(value) for value in (*(condition.values or ()), *other.samples)):
                    self.fail(at, f"{condition} is never true; the values of {key} are {other.range}")
            graph[parameter.key] = [key for key in parameter.when if key in parameters]
        # Optuna's sampler is seeded by the order of its questions. That is the file's order, except for
        # parameters that a condition needs first.
        try:
            tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            self.fail(
                f"search.{error.args[1][0]}.when",
                f"the conditions go in a circle: {' -> '.join(error.args[1])}",
            )
        order: list[str] = []
        while len(order) < len(graph):
            order.append(
                next(k for k in graph if k not in order and all(other in order for other in graph[k]))
            )
        return tuple(parameters[key] for key in order)

    def _starts(self, values: Any) -> tuple[StartPoint, ...]:
        """The points of the file. A point that is a name has no values yet."""
        if not isinstance(values, list):
            return (StartPoint(self._start(values, "start")),)
        if not values:
            self.fail("start", "an empty list; allowed: a point, or a list of points and names of recipes")
        found = tuple(
            StartPoint(None, item) if isinstance(item, str) else StartPoint(self._start(item, f"start.{n}"))
            for n, item in enumerate(values, 1)
        )
        for n, point in enumerate(found):
            if point in found[:n]:
                self.fail(f"start.{n + 1}", "is given twice")
        return found

    def _start(self, values: Any, at: str) -> dict[str, Scalar]:
        given = self._values(values, at)
        searched = {p.key: p for p in self.parameters}
        for key, value in given.items():
            self._known(key, f"{at}.{key}", list(searched), "searched key")
            if not searched[key].contains(value):
                self.fail(f"{at}.{key}", f"{value!r} cannot be found; allowed are {searched[key].range}")
        start: dict[str, Scalar] = {}
        for parameter in self.parameters:
            key = parameter.key
            if not parameter.active({**self.fixed, **start}):
                if key in given:
                    self.fail(f"{at}.{key}", f"is not searched at this point; it is {parameter.condition}")
            elif key not in given:
                self.fail(at, f"{key} is missing; the point needs every key that is searched there")
            else:
                start[key] = parameter.settled(given[key])
        return start
