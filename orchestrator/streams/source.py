"""What a stream's reader gives: pictures that can be read by row, captions as text, categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from methods.method import Scenario


class Pictures(Protocol):
    """Pictures of one split, read by row. Small to pickle: it travels to the workers that read from it.

    Where a stream has region features, they are what is read: float32 (n, R, F + 4), the features of R
    regions and, behind them, their boxes x1 y1 x2 y2 in parts of the picture's sides.
    """

    def __len__(self) -> int: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """uint8 (n, S, S, 3) in the order of ``rows``.

        Safe to call from several threads. :class:`~orchestrator.errors.BadRecord` names a picture that cannot
        be read.
        """


@dataclass(frozen=True)
class Questions:
    """What is known of N questions beside their text. ``kind``: int32 (N,), index into
    ``QuestionTables.kinds``. ``answer``: int32 (N, K), indices into ``QuestionTables.answers``, -1 after the
    last; ``score``: float32 (N, K), what each is worth, in 0 .. 1. K is the same in all splits of a stream.
    """

    kind: np.ndarray
    answer: np.ndarray
    score: np.ndarray

    @staticmethod
    def join(parts: Sequence[Questions | None]) -> Questions | None:
        """The questions of all ``parts``, one after another; None where there are none."""
        if parts[0] is None:
            return None
        names = ("kind", "answer", "score")
        return Questions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: np.ndarray | slice) -> Questions:
        """The questions at ``rows``, in that order."""
        return Questions(self.kind[rows], self.answer[rows], self.score[rows])


@dataclass(frozen=True)
class WupsMeasure:
    """That answers are compared by :class:`~orchestrator.metrics.wups.Wups` without ``stopwords``.
    ``exact``: kinds of question, indices into ``QuestionTables.kinds``, whose answers are right or wrong.
    """

    stopwords: Sequence[str]
    exact: Sequence[int]


@dataclass(frozen=True)
class QuestionTables:
    """What a stream of questions is about.

    ``answers``: texts; the first ``vocabulary`` of them may be learnt and are all that training questions
    have, the others are only there to be compared with. ``kinds``: of question. ``groups``: of the objects in
    ``StreamSource.categories``; ``group_of``: each object's. ``held_out``: the group that only the first task
    trains on (VQACL's novel composition); None: no such. ``regions``: (R, F) where ``Pictures`` gives region
    features; None where it gives pixels. ``matching``: how a given answer is compared with ``answers``, see
    :func:`~orchestrator.metrics.vqa_accuracy.normalise`: ``official``, both normalised; ``reference``, the
    given one alone. ``wups``: None where an answer is right or wrong.
    """

    answers: Sequence[str]
    vocabulary: int
    kinds: Sequence[str]
    groups: Sequence[str]
    group_of: Sequence[int]
    held_out: int | None = None
    regions: tuple[int, int] | None = None
    matching: Literal["official", "reference"] = "official"
    wups: WupsMeasure | None = None


@dataclass(frozen=True)
class SplitSource:
    """One split of one task. All columns have the same length N.

    ``captions``: empty in recognition, which has none; in vqa the questions. ``label``: int32 (N,), index
    into the stream's ``categories``. ``ids``: the records' names in the data set. ``questions``: in vqa.
    """

    pictures: Pictures
    captions: Sequence[str]
    label: np.ndarray
    ids: Sequence[str]
    questions: Questions | None = None


@dataclass(frozen=True)
class TaskSource:
    """One task. ``splits`` holds ``train``, ``validation``, ``test`` and, where multi-modal retrieval can be
    measured, ``query`` and ``gallery``. ``classes``: in recognition, the categories that the task adds.
    ``groups``: in vqa, the object groups of its training questions, in the order of the inner sequence.
    """

    name: str
    splits: dict[str, SplitSource]
    classes: range = range(0)
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class StreamSource:
    """An ordered list of tasks of one scenario, as its reader found it.

    ``image_size``: side S of the pictures that ``read`` returns; 0 where it gives region features.
    ``categories``: names; in recognition the class names, in any language, in the order in which the classes
    arrive; in vqa those of the objects that pictures are of. ``augment``: the training transform that suits
    it (see ``orchestrator.streams.augment``). ``fingerprint``: equal for equal content. ``skipped``: how many
    bad records ``--skip-bad`` left out, by reason. ``templates``: in recognition, prompts with one ``{}`` for
    the class name. ``tables``: in vqa. ``pictures_fingerprint``: equal where the pictures behind the records'
    ids are, whatever texts are beside them; None: the stream tells them apart by ``fingerprint`` alone.
    ``remarks``: lines on data that was read, but may not be what its owner meant. ``crop``: whether a picture
    is read as the centre of what its short side is resized to; else both sides are resized. ``words``: how
    many words of a text :func:`~orchestrator.streams.text.clean_caption.clean_caption` left; None: texts are
    as they were given.
    """

    name: str
    scenario: Scenario
    image_size: int
    categories: Sequence[str]
    tasks: Sequence[TaskSource]
    augment: str
    fingerprint: str
    skipped: dict[str, int] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    tables: QuestionTables | None = None
    pictures_fingerprint: str | None = None
    remarks: tuple[str, ...] = ()
    crop: bool = False
    words: int | None = None
