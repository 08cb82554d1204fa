"""The tables of both levels of a stream of questions: by task, by kind of question, and by object group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..storage.task_key import task_key
from .tables import Table


class TableStyle(NamedTuple):
    """How a table is written and drawn.

    Attributes:
        corner: What the table's rows are, in the first field of its file.
        ylabel: The label of its rows in a picture.
        xlabel: The label of its columns in a picture.
    """

    corner: str
    ylabel: str
    xlabel: str


QUESTION_TABLES = {
    "groups": TableStyle("after", "after training on", "questions about group"),
    "cells": TableStyle("kind", "kind of question", "questions about group"),
    "novel": TableStyle("after", "after training on", "group held out, questions of task"),
}
"""The tables that :func:`question_tables` may return."""


def question_tables(steps: Sequence[Mapping[str, float]], tasks: Sequence[str]) -> dict[str, Table]:
    """Makes tables from the metrics of S evaluations, one after each task.

    The metrics are those of :func:`~orchestrator.evaluation.vqa.evaluate_questions`. Other scenarios have no
    such tables.

    Args:
        steps: The metrics of each evaluation.
        tasks: The names of all T tasks.

    Returns:
        ``groups`` (S, G): the inner level, accuracy by object group after each task. ``cells`` (K, G):
        accuracy by kind of question and object group after the last task, where that was reached. ``novel``
        (S, T): accuracy on the group held out.
    """
    tables = {}
    done = list(tasks[: len(steps)])
    groups = _names(steps, "group")
    if groups:
        values = [[step.get(f"group/{name}", np.nan) for name in groups] for step in steps]
        tables["groups"] = Table(np.array(values), done, groups)
    last = steps[-1:]
    kinds = _names(last, "kind")
    cells = [[last[0].get(f"cell/{kind}/{name}", np.nan) for name in groups] for kind in kinds]
    if not np.isnan(cells).all():
        tables["cells"] = Table(np.array(cells), kinds, groups)
    novel = novel_matrix(steps, len(tasks))
    if novel is not None:
        tables["novel"] = Table(novel, done, list(tasks))
    return tables


def novel_matrix(steps: Sequence[Mapping[str, float]], tasks: int) -> np.ndarray | None:
    """Collects the accuracy on the group held out, ``novel/task_02`` ..., from the metrics of S evaluations.

    Args:
        steps: The metrics of each evaluation.
        tasks: The number of tasks T.

    Returns:
        (S, T), NaN where nothing was measured; None where nothing was measured at all.
    """
    accuracy = np.array([[step.get(f"novel/{task_key(k)}", np.nan) for k in range(tasks)] for step in steps])
    return None if np.isnan(accuracy).all() else accuracy


def _names(steps: Sequence[Mapping[str, float]], level: str) -> list[str]:
    """The names of a level in the order of the last step that has them, since later steps know
    more of them.
    """
    names = dict.fromkeys(name for step in reversed(steps) for name in step)
    return [name.removeprefix(f"{level}/") for name in names if name.startswith(f"{level}/")]
