"""The tokenizer that a stream's configuration names."""

from __future__ import annotations

from ...errors import UserError
from ..source import StreamSource
from .text_config import TextConfig
from .tokenizer import Tokenizer

OURS = {"multilingual": Tokenizer.multilingual, "words": Tokenizer.words, "world": Tokenizer.world}
"""The tokenizers that come with the package. They read any text."""

_LOOKED_AT = 256  # texts of each task that are checked


def named_tokenizer(source: StreamSource, config: TextConfig) -> Tokenizer | None:
    """The tokenizer that a configuration names: one of ours or of transformers; None for a stream without
    captions.

    Raises:
        UserError: The tokenizer cannot be loaded, or knows no word of some task's training texts.
    """
    if source.scenario == "recognition":
        return None
    if config.tokenizer in OURS:
        return OURS[config.tokenizer](config.max_tokens)
    tokenizer = Tokenizer.from_pretrained(config.tokenizer, config.max_tokens)
    for task in source.tasks:
        unknown, all_of_them = tokenizer.unknown(task.splits["train"].captions[:_LOOKED_AT])
        # also where there is no token at all, since a tokenizer may leave out unknown words
        if unknown == all_of_them:
            raise UserError(
                f"tokenizer {config.tokenizer!r}: every word of task {task.name!r} is unknown to it, "
                "allowed: one of the captions' language"
            )
    return tokenizer
