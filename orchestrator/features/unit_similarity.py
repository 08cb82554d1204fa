"""How alike the classes or tasks of a stream are, before anything is trained."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from methods.backbones.clip_config import ClipConfig

from ..config import RunConfig
from ..streams.recognition.class_config import ClassConfig
from ..streams.source import StreamSource

_WIDTH = 4096  # numbers of a text's vector
_TEXTS = 2000  # of a task


@dataclass(frozen=True)
class UnitSimilarity:
    """How alike that which ``stream.order`` arranges is.

    Attributes:
        matrix: (N, N), cosines, of classes or of tasks in their natural order.
        sizes: How many of the N each task has.
        what: What is arranged: ``classes`` or ``tasks``.
        by: What the similarity is of, in words.
    """

    matrix: np.ndarray
    sizes: tuple[int, ...]
    what: str
    by: str


def unit_similarity(config: RunConfig, source: StreamSource) -> UnitSimilarity:
    """How alike the classes or tasks of a stream are.

    Classes are as alike as the texts of their names are to the CLIP of the method: the mean over the
    stream's templates, as the released code of EDGE has it with one. Tasks of classes have the mean over
    their classes. In retrieval and vqa, and for a method without a CLIP, texts are compared by their
    sequences of three letters, weighed by how few tasks have them: names of classes, else up to 2,000
    captions or questions of a task's training split. No picture and no test data is read.

    Args:
        config: A configuration on the stream.
        source: The stream in its natural order.

    Raises:
        UserError: The CLIP cannot be loaded.
    """
    if source.scenario != "recognition":
        texts = [list(task.splits["train"].captions)[:_TEXTS] for task in source.tasks]
        matrix = _cosines(_letters(texts))
        return UnitSimilarity(matrix, (1,) * len(texts), "tasks", "captions or questions, by their letters")
    clip = getattr(config.method, "backbone", None)
    if isinstance(clip, ClipConfig):
        rows, by = _encoded(clip, source), f"class names under {clip.model} ({clip.pretrained})"
    else:
        rows, by = _letters([[name] for name in source.categories]), "class names, by their letters"
    matrix, sizes = _cosines(rows), tuple(len(task.classes) for task in source.tasks)
    if isinstance(config.stream, ClassConfig):
        return UnitSimilarity(matrix, sizes, "classes", by)
    spans = [slice(task.classes.start, task.classes.stop) for task in source.tasks]
    of_tasks = np.array([[matrix[one, other].mean() for other in spans] for one in spans])
    return UnitSimilarity(of_tasks, (1,) * len(sizes), "tasks", by)


def _encoded(config: ClipConfig, source: StreamSource) -> np.ndarray:
    from .frozen import load_backbone  # torch

    clip = load_backbone(config)
    texts = [template.format(name) for name in source.categories for template in source.templates]
    rows = clip.encode_text(texts).float().cpu().numpy()
    return rows.reshape(len(source.categories), len(source.templates), -1).mean(axis=1)


def _letters(texts: list[list[str]]) -> np.ndarray:
    """A vector for each list of texts: how often each sequence of three letters is there, damped."""
    counts = np.stack([_counts(some) for some in texts])
    damped, has = np.log1p(counts), (counts > 0).sum(axis=0)
    return damped * np.log((1 + len(texts)) / (1 + has) + 1.0)


def _counts(texts: Iterable[str]) -> np.ndarray:
    found = np.zeros(_WIDTH)
    for text in texts:
        padded = f"  {text.lower()} "
        for start in range(len(padded) - 2):
            found[zlib.crc32(padded[start : start + 3].encode()) % _WIDTH] += 1
    return found


def _cosines(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return np.asarray(unit @ unit.T)
