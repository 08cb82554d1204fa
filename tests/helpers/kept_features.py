"""Streams of a few small pictures, and what an encoder gave for each of their records."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from orchestrator.errors import BadRecord
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.features.encoder import PictureChunk
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.recognition.class_config import ClassConfig
from orchestrator.streams.recognition.class_incremental import Examples, class_incremental

NAMES = ("cat", "owl", "fox", "ant")
ORDER = (2, 0, 3, 1)
COUNT = 80  # pictures, of classes of different sizes
_LABEL = np.random.default_rng(1).permutation(np.repeat(np.arange(4), [14, 17, 23, 26]))


class Spoilt(ArrayPictures):
    """Pictures whose first pixel is in ``bad`` cannot be read."""

    bad = frozenset()

    def read(self, rows):
        for row in rows.tolist():
            if int(self.array[row, 0, 0, 0]) in self.bad:
                raise BadRecord(f"picture {self.array[row, 0, 0, 0]} is no picture", row)
        return super().read(rows)


class Neighbours(torch.nn.Module):
    """A CLIP whose features are two pixels of the picture, and one number that those beside it in the batch
    decide: as the last bits of a real one's.
    """

    width, fingerprint, scale = 4, "neighbours", 1.0

    def read_alike(self, texts):
        return []

    def encode_text(self, texts):
        return torch.tensor([[len(text), ord(text[0]), ord(text[-1]), 1.0] for text in texts])

    def encode_image(self, image):
        first, other = image[:, 0, 0, 0].float(), image[:, 1, 9, 9].float()
        return torch.stack([first, other, other.mean().expand(len(image)), first - other], 1)


@dataclass(frozen=True)
class Config(ClassConfig):
    """A stream's own defaults."""

    order: tuple[int, ...] | int = (0, 1, 2, 3)
    initial: int = 2
    increment: int = 2
    validation: float = 0.25


def noise(size=32):
    """uint8 (COUNT, size, size, 3); at 32 pixels views are shifted. A picture's first pixel is its row."""
    images = np.random.default_rng(0).integers(0, 256, (COUNT, size, size, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(COUNT)
    return images


def classes(images=None, ids=None, **keys):
    """A class-incremental stream of four classes."""
    images = noise() if images is None else images
    examples = Examples(
        lambda rows: Spoilt(images[rows]),
        _LABEL,
        ids or [f"picture {i}" for i in range(COUNT)],
    )
    given = {"image_size": images.shape[1], "augment": "shift", "content": images.tobytes()}
    return class_incremental("classes", Config(**keys), NAMES, examples, 0.25, **given)


def shapes(**keys):
    """A generated stream of three tasks."""
    stream = registry.get("shapes-recognition")
    sizes = {"tasks": 3, "train": 2, "validation": 1, "test": 1}
    return stream.load(stream.Config(**{**sizes, **keys}), False)


class Runner:
    """Encodes here, counts by split how many pictures it was given, and may be interrupted after a number of
    chunks.
    """

    def __init__(self, most=10**9):
        self.pictures = Counter()
        self._most = most

    def __call__(self, encoder, chunks):
        for number, chunk in enumerate(chunks):
            if number == self._most:
                raise KeyboardInterrupt
            if isinstance(chunk, PictureChunk):
                self.pictures.update(name for _, name in chunk.splits)
            yield number, encoder.encode(chunk, "cpu")


def open_stream(config, source, root, run=encode_here, said=None, ordered=None):
    """The stream with its features."""
    say = (said if said is not None else []).append
    return open_bank(config, source, root, say, run, ordered).stream(source, config.run.skip_bad)


def by_id(source, stream):
    """The feature of each record, by id, and the views of each one that is trained on."""
    feature, views = {}, {}
    for task, found in zip(source.tasks, stream.tasks, strict=True):
        for name, split in found.splits.items():
            ids = [task.splits[name].ids[row] for row in _rows(task.splits[name], split)]
            feature |= dict(zip(ids, split.feature, strict=True))
            if name == "train":
                views |= dict(zip(ids, stream.views[stream.train_rows(found.task.index)], strict=True))
    return feature, views


def _rows(original, split):
    """The rows of the source's split that the stream's split has."""
    if len(split) == len(original.label):
        return range(len(split))
    return split.pictures.rows.tolist()


def assert_equal(one, other):
    """What both have of a record is the same, to the last bit."""
    for mine, theirs in zip(one, other, strict=True):
        for record in mine.keys() & theirs.keys():
            assert np.array_equal(mine[record], theirs[record]), record


def assert_same(one, other):
    """Both have the same records, and the same of each."""
    assert [set(kept) for kept in one] == [set(kept) for kept in other]
    assert_equal(one, other)
