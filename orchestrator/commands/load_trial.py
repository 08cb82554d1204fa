"""Loads the method of a finished trial."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import UserError
from ..evaluation.predictor import Predictor
from ..evaluation.trained_predictor import trained_predictor
from .check_kinds import check_kinds, short
from .finished_trial import FinishedTrial

_DEVICES = "cpu, or cuda where there is a GPU"


def load_trial(run: str | Path, trial: str | None, device: str | torch.device | None) -> Predictor:
    """See :func:`orchestrator.api.load`.

    Args:
        run: A run's name, or its folder.
        trial: A trial's id. None: the best one on validation data.
        device: ``cpu`` or ``cuda``. None: a GPU where there is one.
    """
    check_kinds(run=run, trial=trial)
    where = device_of(device)
    finished = FinishedTrial.find(run, trial)
    return trained_predictor(
        finished.config, finished.source, finished.tokenizer, finished.checkpoint.model, where
    )


def device_of(device: str | torch.device | None) -> torch.device:
    """The device that a caller names; None: a GPU where there is one.

    Raises:
        UserError: There is no such device. The message is one line.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(device, str | torch.device):
        raise UserError(f"device {short(device)}: allowed: {_DEVICES}")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, TypeError) as error:
        line = str(error).strip().splitlines()[0]
        raise UserError(f"device {device}: {line}; allowed: {_DEVICES}") from None
    if chosen.type not in ("cpu", "cuda"):
        raise UserError(f"device {device}: nothing is computed there; allowed: {_DEVICES}")
    return chosen
