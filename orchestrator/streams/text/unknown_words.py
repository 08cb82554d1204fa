"""The remark on words that the tokenizer does not know."""

from __future__ import annotations

import numpy as np

from ..stream import Stream
from .tokenizer import Tokenizer

_PLACES = 3
_SHARE = 0.1  # of a task's tokens; a rare character is not worth a remark


def unknown_words(stream: Stream, tokenizer: Tokenizer | None) -> str | None:
    """One line on the tasks in whose training texts more than a tenth of the tokens are [UNK].

    It names at most three tasks, those with the largest share first. None where there are no such tasks, or
    where ``tokenizer`` knows every text.
    """
    if tokenizer is None or tokenizer.unk_id == tokenizer.pad_id:
        return None
    edges = [tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id]
    shares = []
    for number, task in enumerate(stream.tasks, 1):
        tokens = task.splits["train"].tokens
        words, unknown = int((~np.isin(tokens, edges)).sum()), int((tokens == tokenizer.unk_id).sum())
        if unknown > _SHARE * words:
            shares.append((unknown / words, f"{unknown:,} of {words:,} words in task {number}"))
    if not shares:
        return None
    told = [text for _, text in sorted(shares, key=lambda item: -item[0])[:_PLACES]]
    if rest := len(shares) - len(told):
        told.append(f"more than a tenth in {rest} other tasks")
    return f"unknown to the tokenizer: {', '.join(told)}; stream.tokenizer names another"
