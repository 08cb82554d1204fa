"""The tokenizer of a stream: kept or loaded."""

from __future__ import annotations

from pathlib import Path

from .source import StreamSource
from .text_config import TextConfig
from .tokenizer import Tokenizer

_OURS = {"multilingual": Tokenizer.multilingual, "words": Tokenizer.words, "world": Tokenizer.world}


def fit_tokenizer(source: StreamSource, config: TextConfig, folder: Path) -> Tokenizer | None:
    """The tokenizer kept in ``folder``, else the one that ``config`` names, which is then kept there. None
    for a stream without captions: class names are the frozen encoder's to read.

    Nothing is learnt from ``source``: a vocabulary that knew one task's words and spelled another's would
    make the second look forgotten.

    :class:`~orchestrator.errors.UserError`: a tokenizer that cannot be loaded.
    """
    if source.scenario == "recognition":
        return None
    if folder.exists():
        return Tokenizer.load(folder)
    if config.tokenizer in _OURS:
        found = _OURS[config.tokenizer](config.max_tokens)
    else:
        found = Tokenizer.from_pretrained(config.tokenizer, config.max_tokens)
    found.save(folder)
    return found
