"""Makes the last lines of a run that show its checkpoints' scores."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..schema.shown import shown_score
from ..storage.task_key import TASK_KEY

_ROWS = {"r_mean": "R_m", "map1": "mAP@1"}
_OWN = re.compile(rf"test/ctp/own/({TASK_KEY})/r_mean")
_AT_ONCE = 9  # tasks in a line of at most 100 letters


def checkpoint_lines(tested: Mapping[str, float]) -> list[str]:
    """Makes lines of each checkpoint's scores and the last one's, over the union of the tasks so far.

    Args:
        tested: The test metrics of a look at test, or their means over seeds.

    Returns:
        A heading, and for up to nine tasks at a time a line for each score, of the model after each task and
        of the last model. There are no lines where there is no such score, as outside retrieval, or only one
        task.
    """
    tasks = [(match[1], int(match[2])) for name in tested if (match := _OWN.fullmatch(name))]
    if len(tasks) < 2:
        return []
    lines = ["Checkpoints on test, over the union of the tasks so far: each one's own, and the last one's"]
    for begin in range(0, len(tasks), _AT_ONCE):
        some = tasks[begin : begin + _AT_ONCE]
        lines.append(_line("after task", [str(number) for _, number in some]))
        for name, head in _ROWS.items():
            for which, what in (("own", head), ("last", f"{head}, last model")):
                values = [tested.get(f"test/ctp/{which}/{task}/{name}") for task, _ in some]
                if None not in values:
                    lines.append(_line(what, [shown_score(value) for value in values]))
    return lines


def _line(head: str, cells: list[str]) -> str:
    return f"  {head:<24}" + "".join(f"{cell:>8}" for cell in cells)
