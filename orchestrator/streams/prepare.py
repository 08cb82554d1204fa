"""Makes the stream that training sees from what a reader found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from methods.method import CaptionSpec, ClassSpec, InputSpec, QuestionSpec, Task

from .source import SplitSource, StreamSource, TaskSource
from .stream import Split, Stream, TaskData
from .text.tokenizer import Tokenizer


def input_spec(source: StreamSource, tokenizer: Tokenizer) -> InputSpec:
    """Describes the stream's inputs for a method."""
    inputs = {
        "image_size": source.image_size,
        "max_tokens": tokenizer.max_tokens,
        "vocab_size": tokenizer.vocab_size,
        "pad_id": tokenizer.pad_id,
        "cls_id": tokenizer.cls_id,
        "sep_id": tokenizer.sep_id,
        "mask_id": tokenizer.mask_id,
    }
    tables = source.tables
    if tables is None:
        return CaptionSpec(**inputs, detokenize=tokenizer.decode)
    answers = tuple(tables.answers[: tables.vocabulary])
    return QuestionSpec(
        **inputs,
        answers=answers,
        answer_tokens=torch.from_numpy(tokenizer.encode_answers(answers).astype(np.int64)),
        kinds=tuple(tables.kinds),
        objects=tuple(source.categories),
        groups=tuple(tables.groups),
        group_of=tuple(int(group) for group in tables.group_of),
        regions=tables.regions,
        detokenize=tokenizer.decode,
    )


def prepare(source: StreamSource, texts: Tokenizer | ClassSpec, skip_bad: bool = False) -> Stream:
    """The stream as training sees it.

    Every split's captions or questions are tokenised once. Pictures stay where they are. ``Stream.cut``
    counts the captions that were cut.

    Args:
        source: What the reader found.
        texts: The tokenizer; in recognition, the classes.
        skip_bad: Whether a picture that cannot be read is replaced, instead of being an error.
    """
    numbers: dict[str, int] = {}
    cut: dict[tuple[int, str], int] = {}

    def records(name: str, ids: Sequence[str]) -> np.ndarray | None:
        if name not in ("query", "gallery"):
            return None
        return np.array([numbers.setdefault(str(record), len(numbers)) for record in ids], np.int64)

    def tokens(index: int, name: str, split: SplitSource) -> np.ndarray:
        if isinstance(texts, ClassSpec):
            return np.empty((len(split.label), 0), np.int32)
        rows, count = texts.encode_counting(split.captions)
        if count:
            cut[index, name] = count
        return rows

    tasks = [
        TaskData(
            Task(
                index,
                task.name,
                source.scenario,
                len(source.tasks),
                task.classes,
                task.groups,
                _answers(task),
            ),
            {
                name: Split(
                    split.pictures,
                    tokens(index, name, split),
                    split.label,
                    records(name, split.ids),
                    questions=split.questions,
                    number=split.number,
                )
                for name, split in task.splits.items()
            },
        )
        for index, task in enumerate(source.tasks)
    ]
    spec = texts if isinstance(texts, ClassSpec) else input_spec(source, texts)
    stream = Stream(source.name, spec, tasks, source.augment, skip_bad, source.image_size, source.tables)
    stream.cut = cut
    return stream


def _answers(task: TaskSource) -> tuple[int, ...]:
    """The answers that the task's training questions have."""
    questions = task.splits["train"].questions
    if questions is None:
        return ()
    numbers = np.unique(questions.answer)
    return tuple(numbers[numbers >= 0].tolist())
