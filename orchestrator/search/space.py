"""Reads search_spaces/*.yaml for Optuna."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ..config import RunConfig, data_values, flatten
from ..errors import UserError
from ..evaluation.objective import Objective
from ..per_task import PerTask
from ..record.memory_worth import MEMORY_SIZE
from ..replay.config import check_memory
from ..schema.registered import registered
from ..schema.scalars import Scalar
from ..streams import registry as streams
from ..streams.source import StreamSource
from . import shipped_spaces
from .base_config import base_config
from .check_starts import check_starts
from .count_points import count_points
from .parameter import Parameter
from .sampler_choice import SamplerChoice
from .scheduler_choice import SchedulerChoice
from .search_plan import SearchPlan
from .space_file import SpaceFile
from .space_lines import space_lines
from .start_point import StartPoint
from .start_values import start_values
from .suggestions import check_suggestions

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Space:
    """The search space of a sweep, and the points at which the sweep begins.

    Attributes:
        path: The file.
        objective: The objective of the search; the first of several has the others.
        trials: How many trials the file asks for.
        fixed: The dotted keys to which the file (and ``--set``) gives a value.
        starts: The search's first trials. Points of the file that are names of recipes have no values yet.
        parameters: What is searched. Each parameter comes after those that its ``when`` names.
        config: The base configuration of all trials: the method's defaults, then ``fixed``, then the values
            of ``start`` that are searched in every trial.
        sampler: The sampler that proposes the trials.
        scheduler: The rule that stops them.
        per_task: What the protocol ``per-task`` chooses (:func:`.per_task_space.per_task_space`); None: the
            file does not say.
    """

    path: Path
    objective: Objective
    trials: int
    fixed: Mapping[str, Any]
    starts: tuple[StartPoint, ...]
    parameters: tuple[Parameter, ...]
    config: RunConfig
    sampler: SamplerChoice = SamplerChoice()
    scheduler: SchedulerChoice = SchedulerChoice()
    per_task: PerTask | None = None

    @staticmethod
    def names() -> list[str]:
        """The methods for which a search space is shipped."""
        return shipped_spaces.names()

    @classmethod
    def load(
        cls,
        path_or_method: str | Path,
        stream: str | None = None,
        data: str | Path | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        method: str | None = None,
    ) -> Space:
        """Reads and checks a search space.

        The check covers keys, types, ranges and conditions. It also checks that the method accepts every
        parameter at both ends of its range, alone and together with both ends of each other parameter.

        Args:
            path_or_method: A method, for its shipped file, or a file (``*.yaml``).
            stream: ``--stream``, which replaces the file's stream together with its fixed ``stream.*``
                values.
            data: ``--data``, which sets ``stream.data``.
            values: The user's values, which win over the file. A searched key among them is fixed. A preset's
                values must be among them (:func:`.preset_values.with_preset`), or the file wins over them.
            method: METHOD, which the file must name.

        Raises:
            UserError: Something is wrong. The message names file, line, key, what was found and what is
                allowed.
        """
        path = shipped_spaces.find(path_or_method)
        file = SpaceFile(path)
        if shipped_spaces.is_shipped(path) and file.method != path.stem:
            file.fail("method", f"'{file.method}' does not match the file's name; allowed is {path.stem}")
        if method not in (None, file.method):
            file.fail("method", f"'{file.method}' is not METHOD, which is {method}; allowed: the same")
        values = flatten(values or {})
        name = registered(stream or values.get("stream.name", file.stream), "--stream", streams, "stream")
        fixed = {k: v for k, v in file.fixed.items() if name == file.stream or not k.startswith("stream.")}
        start = next((one.values for one in file.starts if one.values is not None), {})
        always = {p.key: start[p.key] for p in file.parameters if not p.when} if start else {}
        given = data_values(name, data) if data is not None else {}
        given |= {k: v for k, v in values.items() if k.startswith("stream.")} | {"stream.name": name}
        space = cls(
            path=path,
            objective=file.objective,
            trials=file.trials,
            fixed=fixed,
            starts=file.starts,
            parameters=file.parameters,
            config=base_config(file, fixed, always, given),
            sampler=file.sampler,
            scheduler=file.scheduler,
            per_task=file.per_task,
        )
        if values:
            space = space.without(values)
        check_suggestions(file, space.config, space.parameters, space.fixed, space.start or {})
        space.check_starts(str(path))
        return space

    def without(self, values: Mapping[str, Any]) -> Space:
        """This space with keys fixed to values, whether they were searched before or not.

        Parameters that the values make unreachable are not searched any more. Each of ``starts`` keeps the
        values that are still searched there. Where starts become alike, the first one stays.
        """
        values = flatten(values)
        config = self.config.with_values(values, "--set")
        fixed = {**self.fixed, **values}
        parameters = tuple(p for p in self.parameters if p.key not in values)
        starts: list[StartPoint] = []
        for point in self.starts:
            if point.values is not None:
                point = point.at(start_values(parameters, fixed, point.values))
            if point.values != {} and point not in starts:
                starts.append(point)
        return replace(self, fixed=fixed, parameters=parameters, config=config, starts=tuple(starts))

    def check_starts(self, where: str) -> None:
        """Checks that each of ``starts`` is a point of this space; errors begin with ``where``."""
        check_starts(self.start_points(), self.parameters, self.fixed, self.config, where)

    def plan(self, trials: int | None, concurrent: int | None) -> SearchPlan:
        """Plans how many of the trials run at once, and which of them the sampler proposes.

        Args:
            trials: How many there are; None: as many as a budget comes to.
            concurrent: How many run at once; None: the usual number.
        """
        sizes = self.turns
        begins = tuple(sizes.index(one[MEMORY_SIZE]) if sizes else 0 for one in self.start_points())
        how = concurrent, len(sizes) or 1, self.sampler.name, begins
        return SearchPlan(self.trials if trials is None else trials, *how, given=trials is None)

    def searched_by(self, sampler: str | None, scheduler: str | None) -> Space:
        """This space with another sampler and another stopping rule.

        Args:
            sampler: The sampler's name; None: the file's.
            scheduler: The rule's name; None: the file's.

        Raises:
            UserError: There is no sampler or rule of that name. The message is one line.
        """
        changed = self
        if sampler is not None:
            changed = replace(changed, sampler=SamplerChoice.parse(sampler, _refuse("--sampler")))
        if scheduler is not None:
            changed = replace(changed, scheduler=SchedulerChoice.parse(scheduler, _refuse("--scheduler")))
        if changed.objective.others:
            changed.scheduler.check_several(str(self.path))
        return changed

    def suggest(self, trial: BaseTrial) -> dict[str, Scalar]:
        """The values of one trial, by dotted key. This is Optuna's define-by-run function.

        It always asks in the same order. A parameter whose condition does not hold is not asked for and not
        in the result. A condition on a key that was not searched in this trial does not hold.
        """
        values: dict[str, Scalar] = {}
        for parameter in self.parameters:
            if parameter.active({**self.fixed, **values}):
                values[parameter.key] = parameter.suggest(trial)
        return values

    def points(self, most: int) -> int:
        """How many different points :meth:`suggest` can give, counted up to ``most``."""
        return count_points(self.parameters, self.fixed, most)

    def trial_config(self, values: Mapping[str, Scalar]) -> RunConfig:
        """The whole configuration of a trial, from the values that :meth:`suggest` gave."""
        return self.config.with_values(values)

    def check_values(self, where: str, values: Mapping[str, Any]) -> None:
        """Checks that values which were kept as a trial's can come from :meth:`suggest`.

        Args:
            where: The file that has them. The error begins with it.
            values: The values.

        Raises:
            UserError: They cannot. The message is one line.
        """
        searched = {parameter.key: parameter for parameter in self.parameters}
        for key, value in values.items():
            if key not in searched or not searched[key].contains(value):
                raise UserError(
                    f"{where}: {key} {str(value)[:60]!r} is nothing that the run searches; allowed: what the "
                    "run wrote there"
                )

    @property
    def start(self) -> Mapping[str, Scalar] | None:
        """The first point that the file itself gives, which ``train`` runs; None: the file gives none."""
        own = (one.values for one in self.starts if not one.source)
        return next((values for values in own if values), None)

    def start_params(self) -> dict[str, Scalar]:
        """:attr:`start`, empty where the file has none."""
        return dict(self.start or {})

    def start_points(self) -> list[dict[str, Scalar]]:
        """The points to begin with whose values are known, in their order."""
        return [dict(one.values) for one in self.starts if one.values]

    @property
    def start_config(self) -> RunConfig:
        """The one configuration that runs without a search: the base, at ``start`` where the file has one."""
        return self.config.with_values(self.start_params())

    @property
    def searched(self) -> list[str]:
        """The keys for which trials have values of their own."""
        return [parameter.key for parameter in self.parameters]

    def searches(self, key: str) -> bool:
        """Whether trials have values of their own for a key."""
        return key in self.searched

    def choices(self, key: str) -> tuple[Scalar, ...]:
        """The choices from which every trial takes a key's value; empty where it does not, or draws from a
        range.
        """
        found = (p for p in self.parameters if p.key == key and p.type == "categorical" and not p.when)
        return next((parameter.choices for parameter in found), ())

    @property
    def turns(self) -> tuple[Scalar, ...]:
        """The sizes of the replay memory that take turns; none where there are several objectives."""
        return () if self.objective.others else self.choices(MEMORY_SIZE)

    def largest(self, key: str) -> float:
        """The largest value of a numeric key in any trial. It serves to plan the shared memory:
        ``largest("replay.size")``.
        """
        here = cast("float", self.config.flat()[key])
        parameter = next((p for p in self.parameters if p.key == key), None)
        if parameter is None:
            return here
        ends = cast("tuple[float, ...]", parameter.ends)
        return max(*ends, here) if parameter.when else max(ends)

    def largest_memory(self, classes: int) -> int:
        """How many samples the largest replay memory of any trial holds, on a stream with this number of
        classes.
        """
        largest = int(self.largest("replay.size"))
        return replace(self.config.replay, size=largest).most(classes)

    def check_memory(self, source: StreamSource) -> None:
        """Checks that every memory that the search may ask for can serve the stream.

        Raises:
            UserError: A memory cannot. The message is one line.
        """

        def values(name: str) -> Iterable[Any]:
            parameter = next((p for p in self.parameters if p.key == f"replay.{name}"), None)
            return [getattr(self.config.replay, name)] if parameter is None else parameter.samples

        for size, policy in itertools.product(values("size"), values("policy")):
            replay = replace(self.config.replay, size=size, policy=policy)
            check_memory(replay, len(source.categories), source.scenario)

    def describe(self) -> list[str]:
        """Describes what is searched, in aligned lines for 98 columns: key, range, starting point and
        condition.
        """
        return space_lines(self.parameters, self.start_points())


def _refuse(option: str) -> Callable[[str, str], NoReturn]:
    def fail(key: str, problem: str) -> NoReturn:
        raise UserError(f"{option} {problem}")

    return fail
