"""Finds the metric by which the trials of a run on the disk are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from methods.method import Scenario

from ..evaluation.headline_objective import headline_objective
from ..evaluation.objective import Objective
from ..search.space_file import SpaceFile
from ..storage.run_files import SPACE_FILE, SWEEP_FILE, TRAIN_FILE
from .sweep_request import SweepRequest
from .train_request import TrainRequest


def run_objective(folder: Path, scenario: Scenario) -> tuple[Objective, str | None]:
    """Returns the metric by which a run's trials are compared, and the URL where the run is kept beside its
    folder; the URL is None where it is kept nowhere else.

    Args:
        folder: The run's folder.
        scenario: Its stream's scenario.

    Raises:
        UserError: A file of the run does not have the form in which the run wrote it. The message is one
            line.
    """
    if (folder / SWEEP_FILE).exists():
        request = SweepRequest.read(folder / SWEEP_FILE)
        objective = replace(SpaceFile(folder / SPACE_FILE).objective, margin=request.margin)
        return objective, request.storage
    return headline_objective(scenario), TrainRequest.read(folder / TRAIN_FILE).storage
