"""The tokenizer of a stream: kept, loaded or trained."""

from __future__ import annotations

from pathlib import Path

from .source import StreamSource
from .text_config import TextConfig
from .tokenizer import Tokenizer


def fit_tokenizer(source: StreamSource, config: TextConfig, folder: Path) -> Tokenizer | None:
    """The tokenizer kept in ``folder``, else the one that ``config`` names, shipped or of transformers, else
    one trained on the first task's training captions: no later task's words are known to it. It is then kept
    in ``folder``. None for a stream without captions: class names are the frozen encoder's to read.

    :class:`~orchestrator.errors.UserError`: a tokenizer that cannot be loaded.
    """
    if source.scenario == "recognition":
        return None
    if folder.exists():
        return Tokenizer.load(folder)
    if config.tokenizer == "world":
        found = Tokenizer.world(config.max_tokens)
    elif config.tokenizer is not None:
        found = Tokenizer.from_pretrained(config.tokenizer, config.max_tokens)
    else:
        found = Tokenizer.train(
            source.tasks[0].splits["train"].captions, config.vocab_size, config.max_tokens
        )
    found.save(folder)
    return found
