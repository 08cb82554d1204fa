"""The tokenizer of a stream, kept or loaded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ...errors import UserError
from ..source import StreamSource
from .named_tokenizer import OURS, named_tokenizer
from .text_config import TextConfig
from .tokenizer import Tokenizer


def fit_tokenizer(source: StreamSource, config: TextConfig, folder: Path) -> Tokenizer | None:
    """The tokenizer that is kept in ``folder``, else the one that ``config`` names, which is then kept there.

    Nothing is learnt from ``source``. With a vocabulary that has one task's words and spells another's, the
    second task would look forgotten. The folder appears whole or not at all. A folder that lacks a file is
    made anew; a storage may have such a folder when the driver died while it was copied there.

    Args:
        source: The stream.
        config: The keys of texts.
        folder: The folder that keeps the tokenizer.

    Returns:
        The tokenizer; None for a stream without captions, since the frozen encoder reads class names.

    Raises:
        UserError: The tokenizer cannot be loaded or knows no word of a task, or one of ours differs from what
            this version makes.
    """
    if source.scenario == "recognition":
        return None
    if Tokenizer.is_kept(folder):
        kept = Tokenizer.load(folder)
        ours = named_tokenizer(source, config) if config.tokenizer in OURS else None
        if ours is not None and kept.texts() != ours.texts():
            raise UserError(
                f"{folder}: is not the tokenizer {config.tokenizer!r} that this version makes; allowed: what "
                "the run was started with, by the same version"
            )
        return kept
    tokenizer = named_tokenizer(source, config)
    partial = folder.with_name(f"{folder.name}.partial")
    for left in (partial, folder):
        shutil.rmtree(left, ignore_errors=True)
    tokenizer.save(partial)
    os.replace(partial, folder)
    return tokenizer
