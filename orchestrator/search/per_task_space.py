"""The one trial of a sweep that chooses its values at each task."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from ..errors import UserError
from ..schema.scalars import Scalar
from .parameter import Parameter
from .sampler_choice import SamplerChoice
from .scheduler_choice import SchedulerChoice
from .space import Space

_PROTOCOL = "per-task"
_RATES = 5  # as many as the paper's grid has


def per_task_space(space: Space) -> Space:
    """The search space of a sweep by the protocol ``per-task``: one trial, whose configuration says what it
    chooses at each task (:class:`~orchestrator.per_task.PerTask`).

    Keys that are no learning rate and no strength have the values of the space's start. A strength begins at
    the largest value of its range, and one that is fixed at the value that it is fixed to. The learning rates
    are those that the file lists, else the key's choices, else five over its range, both ends included, in
    three digits. A space that searches nothing stays as it is.

    Args:
        space: The space as its file has it.

    Raises:
        UserError: The file does not say what is chosen, or where the other keys are. The message is one line.
    """
    plan = space.per_task
    if plan is None and not space.parameters:
        return space  # there is nothing to choose
    if plan is None:
        raise UserError(
            f"{space.path}: has no per_task, which names the learning rate and what holds against "
            f"forgetting; allowed with {_PROTOCOL}: a search space with per_task: {{learning_rate: KEY}}"
        )
    if space.objective.others:
        raise UserError(f"{space.path} has several objectives; allowed with {_PROTOCOL} is one")
    searched = {parameter.key: parameter for parameter in space.parameters}
    if searched and space.start is None:
        raise UserError(f"{space.path}: has no start of its own, which {_PROTOCOL} needs; allowed: with one")
    values = space.start_params()
    # A strength that is not searched at the start is off there.
    strength = tuple(key for key in plan.strength if key in values or key not in searched)
    values |= {key: max(_numbers(searched[key])) for key in strength if key in searched}
    at_start = space.config.with_values(values)
    rates = plan.learning_rates
    if not rates:
        rate = searched.get(plan.learning_rate)
        fixed = cast("float", at_start.flat()[plan.learning_rate])
        rates = (fixed,) if rate is None else _rates(rate)
    config = replace(at_start, per_task=replace(plan, learning_rates=rates, strength=strength))
    return replace(
        space,
        trials=1,
        fixed={**space.fixed, **values},
        starts=(),
        parameters=(),
        config=config,
        sampler=SamplerChoice(),
        scheduler=SchedulerChoice("none"),
    )


def _rates(rate: Parameter) -> tuple[float, ...]:
    """The learning rates that are tried where the file lists none."""
    if rate.type == "categorical":
        return tuple(map(float, _numbers(rate)))
    low, high = map(float, _numbers(rate))
    parts = [n / (_RATES - 1) for n in range(1, _RATES - 1)]
    between = [low * (high / low) ** part if rate.log else low + part * (high - low) for part in parts]
    rounded = [float(f"{value:.3g}") for value in between]
    return tuple(dict.fromkeys([low, *rounded, high]))


def _numbers(parameter: Parameter) -> tuple[float, ...]:
    """The ends of a parameter, which are numbers."""
    return cast("tuple[float, ...]", cast("tuple[Scalar, ...]", parameter.ends))
