"""Captions as the CTP code reads them."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[.!\"()*#:;~]")
_SPACES = re.compile(r"\s{2,}")


def clean_caption(text: str, words: int) -> str:
    """Lower case, punctuation to spaces, runs of white space to one space, the first ``words`` words.

    As ``pre_caption`` of the released CTP code (``data/utils.py``; from ALBEF). Characters other than ``. ! "
    ( ) * # : ; ~`` are left as they are, in any language; a language written without spaces counts as one
    word.
    """
    text = _SPACES.sub(" ", _PUNCTUATION.sub(" ", text.lower())).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:words])
