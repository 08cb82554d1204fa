"""What a study keeps of a run of one seed that was tested."""

from __future__ import annotations

from ..commands.run_result import RunResult
from .run_request import RunRequest
from .study_book import Part


def tested_part(name: str, asked: RunRequest, result: RunResult) -> Part:
    """What is kept of a run's result.

    Args:
        name: The run's name.
        asked: What it was asked for.
        result: Its result.
    """
    test = {k.removeprefix("test/"): v for k, v in result.test.items() if k.startswith("test/")}
    return Part(
        name,
        asked,
        trial=result.trials[0].id if result.trials else "",
        score=result.best.score if result.best else None,
        test=test,
        trials=sum(trial.status != "interrupted" for trial in result.trials),
        failed_trials=sum(trial.status == "failed" for trial in result.trials),
        reason="" if result.status == "finished" else result.reason or result.status,
    )
