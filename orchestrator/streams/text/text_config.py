"""The keys of texts, which every stream with texts has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextConfig:
    """How a stream's texts become rows of tokens."""

    tokenizer: str = "multilingual"
    """``multilingual``, pieces of English words and characters of any other script; ``words``, one token for
    each word of the generated world; ``world``, the tokenizer of the backbone of size ``world``; or a
    transformers tokenizer (BERT's or T5's kind), by its name on the Hub or by its folder. All are fixed
    before a stream is read.
    Paper: bert-base-chinese (CTP), T5's (VQACL)."""

    max_tokens: int = 64
    """Length of a row in tokens, special tokens included. Longer texts are cut, and counted. 64 is a product
    title of some twenty English words or 62 Chinese characters. Range: 3 to 512. Paper: 30 of BERT's (CTP),
    20 of T5's (VQACL on VQA v2), 23 (on NExT-QA).
    """

    def __post_init__(self) -> None:
        if not self.tokenizer.strip():
            known = "multilingual, words, world, or a transformers tokenizer"
            raise ValueError(f"tokenizer: {self.tokenizer!r}, allowed: {known}")
        if not 3 <= self.max_tokens <= 512:
            raise ValueError(f"max_tokens {self.max_tokens}: allowed are whole numbers 3 .. 512")
