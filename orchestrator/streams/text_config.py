"""What every stream with texts lets its user say about them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextConfig:
    """``tokenizer``: a transformers tokenizer (BERT's or T5's kind), by its name on the Hub or by its folder;
    ``world``, that of the backbone of size ``world``; None trains a byte-level BPE of ``vocab_size`` entries
    (300 .. 1,000,000) on the first task's captions.
    ``max_tokens``: length of a token row, special tokens included (3 .. 512; 30 is the CTP paper's).
    """

    tokenizer: str | None = None
    vocab_size: int = 2000
    max_tokens: int = 30

    def __post_init__(self) -> None:
        for name, (low, high) in {"vocab_size": (300, 1_000_000), "max_tokens": (3, 512)}.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} {value}: allowed are whole numbers {low} .. {high}")
