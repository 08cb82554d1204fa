"""The method of a finished trial, as it left it."""

from __future__ import annotations

from pathlib import Path

import torch

from methods.method import ClassSpec, InputSpec
from methods.registry import get as get_method

from ..errors import UserError
from ..evaluation.predictor import Predictor
from ..seeding import seeded
from ..storage import checkpoint
from ..streams.prepare import input_spec
from ..streams.text.tokenizer import Tokenizer
from .check_kinds import check_kinds, short
from .finished_trial import FinishedTrial

_DEVICES = "cpu, or cuda where there is a GPU"


def load_trial(run: str | Path, trial: str | None, device: str | torch.device | None) -> Predictor:
    """See :func:`orchestrator.api.load`."""
    check_kinds(run=run, trial=trial)
    where = _device(device)
    found = FinishedTrial.find(run, trial)
    config, source = found.config, found.source
    tokenizer: Tokenizer | None = None
    spec: InputSpec | ClassSpec
    if source.scenario == "recognition":
        from ..features.bank import text_features  # open_clip, seconds that others need not wait

        spec = text_features(config, source)
    else:
        tokenizer = Tokenizer.load(found.tokenizer)
        spec = input_spec(source, tokenizer)
    with seeded(config.run.seed):  # as the trial made it, and nothing of the caller's is drawn
        method = get_method(config.method_name)(config.method, spec)
    checkpoint.restore(method, found.checkpoint.model)
    return Predictor(method, config, source, tokenizer, where)


def _device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(device, str | torch.device):
        raise UserError(f"device {short(device)}: allowed: {_DEVICES}")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        line = str(error).strip().splitlines()[0]
        raise UserError(f"device {device}: {line}; allowed: {_DEVICES}") from None
    if found.type not in ("cpu", "cuda"):
        raise UserError(f"device {device}: nothing is computed there; allowed: {_DEVICES}")
    return found
