"""Checks what a run reads besides its stream, before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from methods.backbones.hub_weights import hub_weights
from methods.backbones.missing_weights import missing_weights

from ..config import RunConfig
from ..errors import UserError
from ..execution.ray_address import ray_address
from ..object_store.original_crops import reads_originals
from ..streams.source import StreamSource
from ..streams.text.named_tokenizer import named_tokenizer
from ..streams.text.tokenizer import Tokenizer


def check_inputs(
    config: RunConfig, source: StreamSource, *, kept: bool, start: bool, say: Callable[[str], None]
) -> Tokenizer | None:
    """Checks a run's weights and its tokenizer, and whether its pictures can be kept in the form that the
    configuration asks for.

    On a cluster weights may exist where the workers are and nowhere else, so that they are not checked here.

    Args:
        config: The run's configuration.
        source: The stream.
        kept: Whether the run has its tokenizer already.
        start: Whether the run begins now. The Hub is asked for weights only then.
        say: Takes a line of progress.

    Returns:
        The tokenizer; None where the run has it already, or needs none.

    Raises:
        UserError: Weights are not there and cannot be fetched, or the tokenizer cannot be loaded or knows no
            word; or as of :func:`~orchestrator.object_store.original_crops.reads_originals`.
    """
    if not ray_address():
        backbone = getattr(config.method, "backbone", None)
        missing = missing_weights(backbone) or (_unreachable(backbone, say) if start else None)
        if missing:
            raise UserError(f"method.backbone.{missing}")
    reads_originals(source, config.replay.size, config.run.stream_in, config.replay.store)
    return None if kept else named_tokenizer(source, config.stream)


def _unreachable(backbone: Any, say: Callable[[str], None]) -> str | None:
    if not hub_weights(backbone):
        return None
    from methods.backbones.unreachable_weights import unreachable_weights  # brings the Hub's client

    return unreachable_weights(backbone, say)
