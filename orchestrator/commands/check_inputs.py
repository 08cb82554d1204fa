"""What a run reads besides its stream, looked at before anything starts."""

from __future__ import annotations

from methods.backbones.missing_weights import missing_weights

from ..config import RunConfig
from ..errors import UserError
from ..execution.ray_address import ray_address
from ..streams.source import StreamSource
from ..streams.text.named_tokenizer import named_tokenizer


def check_inputs(config: RunConfig, source: StreamSource, *, kept: bool) -> None:
    """:class:`~orchestrator.errors.UserError`: a file or folder of weights is not there, or the tokenizer
    cannot be loaded or knows no word.

    ``kept``: the run has its tokenizer already. On a cluster weights may be where the workers are alone: they
    are not looked for here.
    """
    found = missing_weights(getattr(config.method, "backbone", None))
    if found and not ray_address():
        raise UserError(f"method.backbone.{found}")
    if not kept:
        named_tokenizer(source, config.stream)
