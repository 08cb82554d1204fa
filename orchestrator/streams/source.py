"""The result of a stream's reader: pictures that can be read by row, captions as text, and categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from methods.method import Scenario


class Pictures(Protocol):
    """Pictures of one split, read by row. They are small to pickle, since they travel to the workers that
    read from them.

    Where a stream has region features, these are read instead: float32 (n, R, F + 4), the features of R
    regions followed by their boxes x1 y1 x2 y2 in parts of the picture's sides.
    """

    def __len__(self) -> int: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Reads the pictures at ``rows``: uint8 (n, S, S, 3), in that order. Several threads may call this.

        Raises:
            BadRecord: A picture cannot be read. The error names it.
        """


@dataclass(frozen=True)
class Questions:
    """The data of N questions beside their text.

    Attributes:
        kind: int32 (N,), index into ``QuestionTables.kinds``.
        answer: int32 (N, K), indices into ``QuestionTables.answers``, with -1 after the last one. K is the
            same in all splits of a stream.
        score: float32 (N, K), the score of each answer, in 0 .. 1.
    """

    kind: np.ndarray
    answer: np.ndarray
    score: np.ndarray

    @staticmethod
    def join(parts: Sequence[Questions | None]) -> Questions | None:
        """The questions of all ``parts``, one after another; None where the parts have none."""
        if parts[0] is None:
            return None
        names = ("kind", "answer", "score")
        return Questions(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: np.ndarray | slice) -> Questions:
        """The questions at ``rows``, in that order."""
        return Questions(self.kind[rows], self.answer[rows], self.score[rows])


@dataclass(frozen=True)
class WupsMeasure:
    """Answers are compared by :class:`~orchestrator.metrics.wups.Wups`.

    Attributes:
        stopwords: Words that the comparison leaves out.
        exact: The kinds of question whose answers are right or wrong, as indices into
            ``QuestionTables.kinds``.
    """

    stopwords: Sequence[str]
    exact: Sequence[int]


@dataclass(frozen=True)
class QuestionTables:
    """The answers, kinds and objects of a stream's questions.

    Attributes:
        answers: Texts. The first ``vocabulary`` of them may be learnt, and training questions have no others.
            The rest only serve for comparison.
        vocabulary: How many answers may be learnt.
        kinds: The kinds of question.
        groups: Groups of the objects in ``StreamSource.categories``.
        group_of: Each object's group.
        held_out: The group that only the first task trains on (VQACL's novel composition); None: no group.
        regions: (R, F) where ``Pictures`` gives region features; None where it gives pixels.
        matching: How a given answer is compared with ``answers``, see
            :func:`~orchestrator.metrics.vqa_accuracy.normalise`: ``official`` normalises both, ``reference``
            the given one alone.
        wups: How answers are compared by WUPS; None where an answer is right or wrong.
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

    Attributes:
        pictures: The pictures.
        captions: The captions; in vqa the questions; empty in recognition, which has none.
        label: int32 (N,), index into the stream's ``categories``.
        ids: The records' names in the data set.
        questions: The data of the questions, in vqa.
        number: int64 (N,), each row's own number, which does not depend on order, tasks and splits: its row
            in the arrays of all splits (:func:`~orchestrator.streams.split_spans.split_spans`) of the stream
            with its default keys. A picture's views are drawn from it, and its features are found by it.
            Either all splits of a stream have it, or none. Without it a row's index in this stream stands for
            it, and each order is encoded anew.
    """

    pictures: Pictures
    captions: Sequence[str]
    label: np.ndarray
    ids: Sequence[str]
    questions: Questions | None = None
    number: np.ndarray | None = None


@dataclass(frozen=True)
class TaskSource:
    """One task.

    Attributes:
        name: The task's name.
        splits: ``train`` and ``test``; ``validation``, unless nothing is held out; and, where multi-modal
            retrieval can be measured, ``query`` and ``gallery``.
        classes: In recognition, the categories that the task adds.
        groups: In vqa, the object groups of its training questions, in the order of the inner sequence.
    """

    name: str
    splits: dict[str, SplitSource]
    classes: range = range(0)
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class StreamSource:
    """An ordered list of tasks of one scenario, as its reader found it.

    Attributes:
        name: The stream's name.
        scenario: The stream's scenario.
        image_size: The side S of the pictures that ``read`` returns; 0 where it gives region features.
        categories: Names. In recognition these are the class names, in any language, in the order in which
            the classes arrive; in vqa the names of the objects that pictures show.
        tasks: The tasks, in their order.
        augment: The training transform that suits the stream (see ``orchestrator.streams.augment``).
        fingerprint: Equal for equal content, whatever the order of classes and tasks.
        skipped: How many bad records ``--skip-bad`` left out, by reason.
        templates: In recognition, prompts with one ``{}`` for the class name.
        tables: In vqa, the answers, kinds and objects of the questions.
        pictures_fingerprint: Equal where the pictures behind the records' numbers (``SplitSource.number``; in
            a stream without numbers, ids) are equal. Texts do not count. None: only ``fingerprint`` tells the
            pictures of two streams apart.
        remarks: Lines on data that was read, but may not be what its owner meant.
        crop: Whether a picture's short side is resized and its centre is kept; else both sides are resized.
        words: How many words of a text
            :func:`~orchestrator.streams.text.clean_caption.clean_caption` kept; None: texts are as they were
            given.
        families: The families of things that generated pictures show, by index
            (:func:`~orchestrator.streams.synthetic.families.family`). Empty: they are not generated.
        number_ends: Where rows have numbers, the end of each split in the default arrangement, ascending.
            Pictures of one of these splits are encoded together, whatever the stream's order, so that no
            order changes a feature's last bit.
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
    families: tuple[int, ...] = ()
    number_ends: tuple[int, ...] = ()

    @property
    def holds_out(self) -> bool:
        """Whether each task has a validation split."""
        return all("validation" in task.splits for task in self.tasks)
