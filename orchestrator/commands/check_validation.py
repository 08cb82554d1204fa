"""Checks whether a run can do with the validation data that its stream holds out."""

from __future__ import annotations

from ..config import RunConfig
from ..errors import UserError
from ..streams.source import StreamSource


def check_validation(config: RunConfig, source: StreamSource, objective: str | None = None) -> None:
    """Checks that a stream without validation data is asked for none.

    Args:
        config: The configuration that all trials share.
        source: The stream, as it was read.
        objective: The metric that a search goes by; None: nothing is searched.

    Raises:
        UserError: A search or early stopping needs validation data, and the stream holds none out.
    """
    if source.holds_out:
        return
    none = f"and stream {source.name} holds none out (stream.validation 0)"
    above = "stream.validation above 0"
    if objective is not None:
        raise UserError(
            f"the objective {objective} needs validation data, {none}: allowed are {above}, or train"
        )
    if config.per_task is not None:
        raise UserError(f"per_task needs validation data, {none}: allowed are {above}")
    if patience := getattr(config.method, "patience", 0):
        raise UserError(
            f"method.patience {patience} needs validation data, {none}: allowed are {above}, or "
            "method.patience 0"
        )
