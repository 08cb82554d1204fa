"""The tokenizer that a stream's configuration names."""

from __future__ import annotations

from ...errors import UserError
from ..source import StreamSource
from .text_config import TextConfig
from .tokenizer import Tokenizer

OURS = {"multilingual": Tokenizer.multilingual, "words": Tokenizer.words, "world": Tokenizer.world}
"""Those that come with the package: they read any text."""

_LOOKED_AT = 256  # texts of a task


def named_tokenizer(source: StreamSource, config: TextConfig) -> Tokenizer | None:
    """One of ours or transformers'; None for a stream without captions.

    :class:`~orchestrator.errors.UserError`: it cannot be loaded, or every word of some task's training texts
    is unknown to it.
    """
    if source.scenario == "recognition":
        return None
    if config.tokenizer in OURS:
        return OURS[config.tokenizer](config.max_tokens)
    found = Tokenizer.from_pretrained(config.tokenizer, config.max_tokens)
    for task in source.tasks:
        unknown, all_of_them = found.unknown(task.splits["train"].captions[:_LOOKED_AT])
        if unknown == all_of_them:  # none of either: what it does not know, it leaves out
            raise UserError(
                f"tokenizer {config.tokenizer!r}: every word of task {task.name!r} is unknown to it, "
                "allowed: one of the captions' language"
            )
    return found
