"""Reads what WUPS needs beside the questions."""

from __future__ import annotations

from collections.abc import Sequence

from ....errors import UserError
from ...source import WupsMeasure
from ...text.text_file import read_text

_RESOURCES = ("corpora/wordnet", "corpora/wordnet.zip")


def wups_measure(root: str, exact: Sequence[int]) -> WupsMeasure:
    """The WUPS measure without the words of ``root``/stopwords.txt, which has one word on each line.

    Args:
        root: The data folder.
        exact: See :class:`~orchestrator.streams.source.WupsMeasure`.

    Raises:
        UserError: nltk has no WordNet, or the words are missing or no text.
    """
    if not any(_found(resource) for resource in _RESOURCES):
        raise UserError(
            "stream.measure: wups, and nltk has no WordNet, allowed: after python -m nltk.downloader wordnet"
        )
    words = f"{root}/stopwords.txt"
    lines = read_text(words, "words that WUPS passes over, a line each").split("\n")
    return WupsMeasure(tuple(sorted({line.strip() for line in lines} - {""})), exact)


def _found(resource: str) -> bool:
    import nltk.data  # its import takes a second, and few streams need it

    try:
        nltk.data.find(resource)
    except LookupError:
        return False
    return True
