"""Captions as the CTP code reads them."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[.!\"()*#:;~]")
_SPACES = re.compile(r"\s{2,}")


def clean_caption(text: str, words: int) -> str:
    """Cleans a caption as ``pre_caption`` of the released CTP code does (``data/utils.py``; from ALBEF).

    It makes text lower case, turns punctuation to spaces and runs of white space to one space, and keeps the
    first words. The punctuation is ``. ! " ( ) * # : ; ~``. Other characters stay as they are, in any
    language. A language written without spaces counts as one word.

    Args:
        text: The caption.
        words: How many words are kept.
    """
    text = _SPACES.sub(" ", _PUNCTUATION.sub(" ", text.lower())).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:words])
