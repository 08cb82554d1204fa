"""The keys of a stream's arrays in a store."""

from __future__ import annotations

QUESTIONS = ("kind", "answer", "score")
"""What a question has; the keys of its arrays are ``questions.NAME``."""


def record_key(task: int, split: str) -> str:
    """The key of a split's record numbers."""
    return f"record.{task}.{split}"
