"""Questions as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .graded import AnswerIds, GradedAnswers

LISTED_TWICE = "question listed twice in its file"
"""Why a question is passed over."""


@dataclass
class QuestionColumns:
    """Questions of one split of one task, columns of equal length.

    ``ids``: names in the data set. ``pictures``: names of the pictures, often several questions' one.
    ``category``: index of the picture's object; ``kind``: index of the kind of question. ``answers``: all
    that are known of each, perhaps none.
    """

    answers: GradedAnswers
    ids: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    category: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, book: AnswerIds) -> QuestionColumns:
        """No questions; their answers will be numbered by ``book``."""
        return cls(GradedAnswers(book))

    def __len__(self) -> int:
        return len(self.ids)

    def append(
        self, item: str, picture: str, text: str, category: int, kind: int, answers: dict[str, float]
    ) -> None:
        """One more question; ``answers``: string -> what it is worth, in 0 .. 1."""
        self.ids.append(item)
        self.pictures.append(picture)
        self.texts.append(text)
        self.category.append(category)
        self.kind.append(kind)
        self.answers.append(answers)

    def take(self, rows: Sequence[int]) -> QuestionColumns:
        """The questions at ``rows``, in that order."""
        columns = (self.ids, self.pictures, self.texts, self.category, self.kind)
        return QuestionColumns(self.answers.take(rows), *([column[r] for r in rows] for column in columns))
