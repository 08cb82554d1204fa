"""What a published stream has in each row where pictures are left out; the store is a dictionary."""

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from orchestrator.errors import BadRecord
from orchestrator.object_store.memory_plan import memory_plan
from orchestrator.object_store.publish import publish
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import TaskData

LEFT_OUT = (0, 3)


class _Store:
    """A :class:`~orchestrator.object_store.shared_store.SharedStore` within this process."""

    def __init__(self):
        self.arrays = {}

    @contextmanager
    def writing(self, name, shape, dtype):
        twin = SimpleNamespace(array=np.zeros(shape, dtype), length=shape[0])
        yield twin
        self.arrays[name] = twin.array[: twin.length]

    def put(self, name, array):
        self.arrays[name] = np.array(array)

    def adopt(self, name, path):
        self.arrays[name] = np.load(path)

    def get(self, name):
        return self.arrays[name]

    def get_many(self, names):
        return [self.arrays[name] for name in names]


class _Spoilt(ArrayPictures):
    def read(self, rows):
        for row in rows:
            if int(row) in LEFT_OUT:
                raise BadRecord(f"picture {row} is no picture", int(row))
        return super().read(rows)


def _spoilt(stream):
    """The same stream with two unreadable pictures in each split. All its records are numbered."""
    for k, task in enumerate(stream.tasks):
        splits = {
            name: replace(
                split, pictures=_Spoilt(split.pictures.array), record=np.arange(len(split)) + 50 * k
            )
            for name, split in task.splits.items()
        }
        stream.tasks[k] = TaskData(task.task, splits)
    stream.skip_bad = True
    return stream


def _published(stream, stream_in, files=None):
    found = memory_plan(stream, largest=10, store_bytes=10**9, seeds=[0], stream_in=stream_in)
    return publish(stream, _Store(), found, files=files)


@pytest.mark.parametrize("asked", [False, True])
def test_every_column_of_a_row_is_its_own_where_pictures_are_left_out(question_stream, array_stream, asked):
    stream = _spoilt(question_stream()[0] if asked else array_stream)
    handle = _published(stream, "memory")
    found = handle.open()
    assert handle.skipped == {f"{t.task.name}/{name}": 2 for t in stream.tasks for name in t.splits}
    for one, other in zip(found.tasks, stream.tasks, strict=True):
        for name, split in one.splits.items():
            original = other.splits[name]
            kept = np.delete(np.arange(len(original)), LEFT_OUT)
            assert len(split) == len(kept)
            for column in ("tokens", "label", "record"):
                assert np.array_equal(getattr(split, column), getattr(original, column)[kept]), column
            assert np.array_equal(split.pictures.read(np.arange(len(kept))), original.pictures.array[kept])
            for column in ("kind", "answer", "score") if asked else ():
                expected = getattr(original.questions, column)[kept]
                assert np.array_equal(getattr(split.questions, column), expected), column
    rows = np.concatenate([np.delete(stream.train_rows(k), LEFT_OUT) for k in range(3)])
    assert found.origin.tolist() == rows.tolist()


def test_from_disk_training_rows_keep_their_numbers_and_held_out_ones_are_left_out(question_stream):
    stream = _spoilt(question_stream()[0])
    found = _published(stream, "disk").open()
    for one, other in zip(found.tasks, stream.tasks, strict=True):
        for name, split in one.splits.items():
            original = other.splits[name]
            bad = () if name == "train" else LEFT_OUT
            kept = np.delete(np.arange(len(original)), bad).astype(int)
            assert np.array_equal(split.label, original.label[kept])
            assert np.array_equal(split.questions.kind, original.questions.kind[kept])
            if name == "train":  # the next of its label that can be read, in the place of one that cannot
                like = np.setdiff1d(np.flatnonzero(original.label == original.label[3]), LEFT_OUT)
                after = next(row for row in [*like[like > 3], *like])
                assert np.array_equal(split.pictures.read(np.array([3])), original.pictures.array[[after]])
            else:
                assert np.array_equal(
                    split.pictures.read(np.arange(len(kept))), original.pictures.array[kept]
                )
    assert found.origin is None
    assert not set(found.candidates.rows) & {0, 3, 30, 33} and found.candidates.rows.max() < 50


def test_the_numbers_of_records_come_along_whatever_is_left_out(array_stream):
    for task in array_stream.tasks:
        train = task.splits["train"]
        task.splits["train"] = replace(train, number=400 - array_stream.train_rows(task.task.index))
    numbers = array_stream.numbers
    assert _published(array_stream, "memory").open().origin.tolist() == numbers.tolist()
    rows = np.concatenate([np.delete(array_stream.train_rows(k), LEFT_OUT) for k in range(3)])
    found = _published(_spoilt(array_stream), "memory").open()
    assert found.origin.tolist() == numbers[rows].tolist() == (400 - rows).tolist()


def test_numbers_that_are_the_rows_are_not_shared(array_stream):
    for task in array_stream.tasks:
        own = array_stream.train_rows(task.task.index)
        task.splits["train"] = replace(task.splits["train"], number=own)
    assert _published(array_stream, "memory").open().origin is None


def test_features_views_and_herding_come_along(encoded_stream):
    stream, files = encoded_stream
    found = _published(stream, "auto", files).open()
    assert np.array_equal(found.views, stream.views) and np.array_equal(found.herding, stream.herding)
    for one, other in zip(found.tasks, stream.tasks, strict=True):
        for name, split in one.splits.items():
            assert np.array_equal(split.feature, other.splits[name].feature)


def test_from_disk_a_question_of_the_objects_group_stands_for_an_object_without_a_picture(question_stream):
    stream = question_stream()[0]
    train = stream.tasks[1].splits["train"]
    lost = int(train.label[0])
    group = stream.group_of(train.label)
    assert stream.group_of(np.array([lost]))[0] == group[0] != group[1]
    others = np.flatnonzero((group == group[0]) & (train.label != lost))
    pictures = _Lost(train.pictures.array, np.flatnonzero(train.label == lost))
    stream.tasks[1].splits["train"] = replace(train, pictures=pictures)
    stream.skip_bad = True
    split = _published(stream, "disk").open().tasks[1].splits["train"]
    assert np.array_equal(split.pictures.read(np.array([0])), train.pictures.array[others[:1]])


class _Lost(ArrayPictures):
    def __init__(self, array, lost):
        super().__init__(array)
        self._lost = lost

    def read(self, rows):
        for row in np.intersect1d(rows, self._lost):
            raise BadRecord(f"picture {row} is no picture", int(row))
        return super().read(rows)
