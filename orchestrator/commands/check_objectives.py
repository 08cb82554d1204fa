"""Whether each objective of a search has a value on its stream."""

from __future__ import annotations

from ..errors import UserError
from ..evaluation.objective import Objective

_FROM_SECOND = ("forget", "forgetting", "task_aware_forgetting")  # the last parts of metrics' names


def check_objectives(objective: Objective, tasks: int) -> None:
    """Checks that a stream of so many tasks gives each objective a value.

    Args:
        objective: The first objective.
        tasks: How many tasks the search sees.

    Raises:
        UserError: One has none. The message is one line.
    """
    for goal in objective.others:
        if tasks < 2 and goal.metric.rpartition("/")[2] in _FROM_SECOND:
            raise UserError(
                f"the objective {goal.metric} has no value before the second task, and the search "
                f"sees {tasks}; allowed are streams and --first-tasks of two tasks or more"
            )
