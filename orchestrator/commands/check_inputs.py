"""Checks what a run reads besides its stream, before anything starts."""

from __future__ import annotations

from methods.backbones.missing_weights import missing_weights

from ..config import RunConfig
from ..errors import UserError
from ..execution.ray_address import ray_address
from ..streams.source import StreamSource
from ..streams.text.named_tokenizer import named_tokenizer


def check_inputs(config: RunConfig, source: StreamSource, *, kept: bool) -> None:
    """Checks a run's weights and its tokenizer.

    On a cluster weights may exist where the workers are and nowhere else, so that they are not checked here.

    Args:
        config: The run's configuration.
        source: The stream.
        kept: Whether the run has its tokenizer already.

    Raises:
        UserError: A file or folder of weights does not exist, or the tokenizer cannot be loaded or knows no
            word.
    """
    missing = missing_weights(getattr(config.method, "backbone", None))
    if missing and not ray_address():
        raise UserError(f"method.backbone.{missing}")
    if not kept:
        named_tokenizer(source, config.stream)
