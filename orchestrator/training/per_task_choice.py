"""Chooses a task's values by training it several times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..per_task import PerTask


class TaskValues(NamedTuple):
    """The values of one training of a task.

    Attributes:
        learning_rate: The learning rate.
        strength: The factor on the strengths against forgetting; 0: finetuning.
    """

    learning_rate: float
    strength: float


@dataclass(frozen=True)
class TaskChoice:
    """What was chosen for a task.

    Attributes:
        values: The values.
        finetuned: The best score of finetuning on the task's validation data, in percent.
        reached: The score with ``values``.
    """

    values: TaskValues
    finetuned: float
    reached: float


def is_finetuning(plan: PerTask, *, past: bool, memory: bool) -> bool:
    """Whether the method's own training on a task is what finetuning is: nothing of the past is held on to.

    Args:
        plan: What is chosen.
        past: Whether there is a task before.
        memory: Whether the method has a replay memory.
    """
    return not past or not (plan.strength or memory)


def choose_values(
    plan: PerTask,
    strength: float,
    score: Callable[[TaskValues], float | None],
    *,
    past: bool,
    memory: bool,
) -> TaskChoice | None:
    """Chooses a task's values (De Lange et al., TPAMI 2021, algorithm 1).

    The learning rate is that with which finetuning has the best score A*. With it the method is trained, and
    its strength decays until the score is at least (1 - margin) A*, or it was trained ``plan.attempts``
    times. The last strength that did not diverge is the chosen one. A method without a strength is trained
    once. Where the method's own training is finetuning, as in the first task, the best of finetuning is
    chosen.

    Args:
        plan: What is chosen.
        strength: The factor on the strengths with which the task begins: that of the task before, 1 at first.
        score: Trains the task from the checkpoint before it, and returns its score on the task's validation
            data, in percent; None: the training diverged.
        past: Whether there is a task before.
        memory: Whether the method has a replay memory.

    Returns:
        The choice; None where no training that could be chosen has a score.
    """
    own = is_finetuning(plan, past=past, memory=memory)
    tries = [TaskValues(rate, strength if own else 0.0) for rate in plan.learning_rates]
    known = [(found, one) for one in tries if (found := score(one)) is not None]
    if not known:
        return None
    finetuned, best = max(known, key=lambda one: one[0])  # the first of equally good ones
    if own:
        return TaskChoice(best, finetuned, finetuned)
    least = (1 - plan.margin) * finetuned
    values, choice = TaskValues(best.learning_rate, strength), None
    for _ in range(plan.attempts if plan.strength else 1):
        if (reached := score(values)) is not None:
            choice = TaskChoice(values, finetuned, reached)
            if reached >= least:
                break
        values = values._replace(strength=values.strength * plan.decay)
    return choice
