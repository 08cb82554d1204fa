"""A result as JSON."""

import json
from pathlib import Path
from types import SimpleNamespace

from orchestrator.commands.result_json import result_json
from orchestrator.evaluation.objective import Objective


def _trial(name, score):
    return SimpleNamespace(
        id=name,
        number=1,
        status="finished",
        reason="",
        score=score,
        reports=({"a": 1.0}, {"a": 2.0}),
        values={"method.layers": (1, 2), "method.rate": float("inf")},
        test={"test/average": float("nan")},
        folder=Path("/runs/x/trials/t"),
    )


def test_what_is_not_finite_is_null_and_the_best_is_named_by_its_id():
    best = _trial("t2", 5.0)
    result = SimpleNamespace(
        name="x",
        folder=Path("/runs/x"),
        status="failed",
        reason="a full disk",
        exit_status=1,
        objective=Objective("validation/average", "max", 1.0),
        tasks=("a", "b"),
        best=best,
        test={"test/average": 3.0},
        trials=(_trial("t1", float("-inf")), best),
    )
    line = result_json(result)
    assert "\n" not in line
    found = json.loads(line)
    trials = found.pop("trials")
    assert found == {
        "name": "x",
        "folder": "/runs/x",
        "status": "failed",
        "reason": "a full disk",
        "exit_status": 1,
        "objective": {"metric": "validation/average", "mode": "max", "margin": 1.0},
        "tasks": ["a", "b"],
        "best": "t2",
        "test": {"test/average": 3.0},
    }
    assert [trial["score"] for trial in trials] == [None, 5.0]
    assert trials[1] == {
        "id": "t2",
        "number": 1,
        "status": "finished",
        "reason": "",
        "score": 5.0,
        "tasks_done": 2,
        "values": {"method.layers": [1, 2], "method.rate": None},
        "test": {"test/average": None},
        "folder": "/runs/x/trials/t",
    }
    result.best = None
    assert json.loads(result_json(result))["best"] is None
