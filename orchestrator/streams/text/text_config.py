"""What every stream with texts lets its user say about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextConfig:
    """``tokenizer``: ``multilingual``, pieces of English words and characters of any other script; ``words``,
    a token a word of the generated world; ``world``, that of the backbone of size ``world``; or a
    transformers tokenizer (BERT's or T5's kind), by its name on the Hub or by its folder. All are fixed
    before a stream is read.
    ``max_tokens``: length of a token row, special tokens included (3 .. 512). What is longer is cut, and
    counted. 64 is a product title of some twenty English words or 62 Chinese characters; the CTP paper
    has 30, of BERT's.
    """

    tokenizer: str = "multilingual"
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.tokenizer.strip():
            known = "multilingual, words, world, or a transformers tokenizer"
            raise ValueError(f"tokenizer: {self.tokenizer!r}, allowed: {known}")
        if not 3 <= self.max_tokens <= 512:
            raise ValueError(f"max_tokens {self.max_tokens}: allowed are whole numbers 3 .. 512")
