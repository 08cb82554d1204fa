"""Makes a method with the weights of a finished trial."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from methods.method import ClassSpec, InputSpec
from methods.registry import get as get_method

from ..config import RunConfig
from ..seeding import seeded
from ..storage import checkpoint
from ..streams.prepare import input_spec
from ..streams.source import StreamSource
from ..streams.text.tokenizer import Tokenizer
from .predictor import Predictor


def trained_predictor(
    config: RunConfig,
    source: StreamSource,
    tokenizer: Path,
    weights: dict[str, Tensor],
    device: torch.device,
) -> Predictor:
    """Makes a trial's method anew and loads its weights.

    Args:
        config: The trial's configuration.
        source: The stream, which may be without data (:meth:`~orchestrator.streams.stream_record.StreamRecord
            .source`).
        tokenizer: The folder of the run's tokenizer. Recognition does not look for it.
        weights: The method's ``state_dict``.
        device: Where the method computes.

    Raises:
        UserError: The tokenizer or a frozen encoder cannot be loaded. The message is one line.
    """
    texts: Tokenizer | None = None
    spec: InputSpec | ClassSpec
    if source.scenario == "recognition":
        from ..features.bank import text_features  # imports open_clip, which takes seconds

        spec = text_features(config, source)
    else:
        texts = Tokenizer.load(tokenizer)
        spec = input_spec(source, texts)
    with seeded(config.run.seed):  # as the trial made it, and the caller's generators stay as they are
        method = get_method(config.method_name)(config.method, spec)
    checkpoint.restore(method, weights)
    return Predictor(method, config, source, texts, device)
