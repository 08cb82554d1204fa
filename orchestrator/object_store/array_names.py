"""The names of a stream's arrays in a store."""

from __future__ import annotations

QUESTIONS = ("kind", "answer", "score")
"""What a question has; the names of its arrays are ``questions.NAME``."""


def record_name(task: int, split: str) -> str:
    """The name of the array of a split's record numbers."""
    return f"record.{task}.{split}"
