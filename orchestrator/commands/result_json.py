"""A run's result for programs of any language."""

from __future__ import annotations

import json
from typing import Any

from ..schema.plain_json import plain_json
from .run_result import RunResult
from .trial_result import TrialResult


def result_json(result: RunResult) -> str:
    """A result as one line of JSON.

    It has the attributes of :class:`.run_result.RunResult`, with a trial's id as ``best``. Each trial has the
    attributes of :class:`.trial_result.TrialResult` without what is measured after each task, which is in the
    trial's folder. A number that is not finite is null. A search for several objectives has ``objectives`` as
    well, each with its bound, and the ids of its ``pareto_set``.
    """
    content = {
        "name": result.name,
        "folder": str(result.folder),
        "status": result.status,
        "reason": result.reason,
        "exit_status": result.exit_status,
        "objective": {name: getattr(result.objective, name) for name in ("metric", "mode", "margin")},
        "tasks": list(result.tasks),
        "best": None if result.best is None else result.best.id,
        "test": result.test,
        "trials": [_trial(trial) for trial in result.trials],
    }
    if result.objective.others:
        goals = result.objective.all
        content["objectives"] = [{"metric": o.metric, "mode": o.mode, "bound": o.bound} for o in goals]
        content["pareto_set"] = [trial.id for trial in result.pareto_set]
    return json.dumps(plain_json(content), allow_nan=False)


def _trial(trial: TrialResult) -> dict[str, Any]:
    return {
        "id": trial.id,
        "number": trial.number,
        "status": trial.status,
        "reason": trial.reason,
        "score": trial.score,
        "tasks_done": len(trial.reports),
        "values": trial.values,
        "test": trial.test,
        "folder": str(trial.folder),
    }
