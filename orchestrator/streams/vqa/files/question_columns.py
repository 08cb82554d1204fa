"""Keeps questions as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .graded import AnswerIds, GradedAnswers

LISTED_TWICE = "question listed twice in its file"
"""The reason for leaving out a question that its file lists twice."""


@dataclass
class QuestionColumns:
    """The questions of one split of one task, as columns of equal length.

    Attributes:
        answers: All known answers of each question; there may be none.
        ids: The questions' names in the data set.
        pictures: The pictures' names; several questions often share one.
        texts: The questions.
        category: The index of the picture's object.
        kind: The index of the kind of question.
    """

    answers: GradedAnswers
    ids: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    category: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)

    @classmethod
    def empty(cls, answer_ids: AnswerIds) -> QuestionColumns:
        """Columns without questions. ``answer_ids`` will number their answers."""
        return cls(GradedAnswers(answer_ids))

    def __len__(self) -> int:
        return len(self.ids)

    def append(
        self, item: str, picture: str, text: str, category: int, kind: int, answers: dict[str, float]
    ) -> None:
        """Adds a question.

        Args:
            item: The question's name.
            picture: The picture's name.
            text: The question.
            category: The index of the picture's object.
            kind: The index of the kind of question.
            answers: Answer -> score, in 0 .. 1.
        """
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
