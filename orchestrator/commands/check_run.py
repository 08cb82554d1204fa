"""Checks whether a run can begin, before anything of it is made."""

from __future__ import annotations

from collections.abc import Callable

from ..config import RunConfig
from ..execution.this_machine import check_here
from ..streams.source import StreamSource
from ..streams.text.tokenizer import Tokenizer
from .check_start import check_start


def check_run(
    config: RunConfig,
    source: StreamSource,
    *,
    concurrent: int | None,
    kept: bool,
    start: bool,
    say: Callable[[str], None],
) -> Tokenizer | None:
    """Raises a one-line UserError where a run of ``config`` cannot begin here.

    Args:
        config: The configuration that all trials share.
        source: The stream, as it was read.
        concurrent: Trials that have to fit at once; None: one.
        kept: Whether the run has its tokenizer already.
        start: Whether it begins now. A preview needs neither a cluster nor the resources of a Ray of its own.
        say: Takes a line of progress.

    Returns:
        The tokenizer; None where the run has it already, or needs none.
    """
    from .check_inputs import check_inputs

    tokenizer = check_inputs(config, source, kept=kept, start=start, say=say)
    check_here(config.run, concurrent)
    if start:
        check_start()
    return tokenizer
