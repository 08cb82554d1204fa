"""What a batch holds of each sample, in every way in which a stream can lie."""

from dataclasses import replace

import numpy as np
import pytest

from orchestrator.data.loader import Loader, eval_batches
from orchestrator.data.row_reader import RowReader
from orchestrator.errors import BadRecord
from orchestrator.seeding import hashed, view_seeds
from orchestrator.streams.augment import augment
from orchestrator.streams.pictures.substitute import SubstitutePictures

ROWS = np.arange(20, 44)


class _Broken:
    """Pictures. The one at ``row`` cannot be read."""

    def __init__(self, pictures, row):
        self._pictures, self._row = pictures, row

    def __len__(self):
        return len(self._pictures)

    def read(self, rows):
        if self._row in rows:
            raise BadRecord(f"record {self._row} is broken", self._row)
        return self._pictures.read(rows)


def _batches(reader, **options):
    """Two epochs of three batches, each with its epoch."""
    defaults = {"batch_size": 8, "steps": 6, "seed": 5, "augment": "none"}
    with Loader(reader, ROWS, **{**defaults, **options}) as loader:
        return [(batch, k // 3) for k, batch in enumerate(loader)]


def _all(stream, name):
    return np.concatenate([getattr(task.splits["train"], name) for task in stream.tasks])


def _asked(stream, name):
    return np.concatenate([getattr(task.splits["train"].questions, name) for task in stream.tasks])


def _pictures(stream):
    return np.concatenate([task.splits["train"].pictures.array for task in stream.tasks])


@pytest.mark.parametrize(("regions", "beside"), [(True, False), (False, True)])
def test_a_question_comes_with_all_that_belongs_to_it(question_stream, regions, beside):
    stream, _ = question_stream(regions=regions, beside=beside)
    for batch, _ in _batches(RowReader(stream)):
        rows = batch.row.numpy()
        for name in ("kind", "answer", "score"):
            assert np.array_equal(getattr(batch, name).numpy(), _asked(stream, name)[rows])
        assert np.array_equal(batch.tokens.numpy(), _all(stream, "tokens")[rows])
        assert np.array_equal(batch.label.numpy(), _all(stream, "label")[rows])
        pictures = _pictures(stream)[rows]
        if regions:
            assert batch.image is None and batch.feature is None
            assert np.array_equal(batch.regions.numpy(), pictures[..., :5])
            assert np.array_equal(batch.boxes.numpy(), pictures[..., 5:])
        else:
            assert batch.regions is None and batch.boxes is None
            assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), pictures)
            assert np.array_equal(batch.feature.numpy(), _all(stream, "feature")[rows].astype(np.float32))


def test_features_are_those_of_the_view_that_is_drawn(encoded_stream):
    stream, _ = encoded_stream
    drawn = set()
    for batch, epoch in _batches(RowReader(stream), augment="flip", views=7):
        rows = batch.row.numpy()
        view = (hashed(5, epoch, rows, 0) % np.uint64(3)).astype(np.int64)
        drawn |= set(view.tolist())
        assert batch.image is None
        assert np.array_equal(batch.feature.numpy(), stream.views[rows, view].astype(np.float32))
    assert drawn == {0, 1, 2}


def test_pictures_for_a_frozen_encoder_are_the_view_that_features_would_be_of(array_stream):
    """The view is drawn from the row's number in the source, before bad records were left out."""
    reader = RowReader(array_stream)
    reader._origin = np.arange(75) * 3
    for batch, epoch in _batches(reader, augment="shift", views=4):
        rows = batch.row.numpy()
        seeds = view_seeds(3 * rows, (hashed(5, epoch, rows, 0) % np.uint64(4)).astype(np.int64))
        expected = augment("shift", _pictures(array_stream)[rows], seeds)
        assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), expected)


def _next_like(stream, row):
    """The next row after ``row`` with the same label, among rows 30 to 49 of the second task."""
    label = np.asarray(stream.tasks[1].splits["train"].label)
    return next(r for r in [*range(row + 1, 50), *range(30, row)] if label[r - 30] == label[row - 30])


def test_a_substitutes_view_is_one_of_its_own(array_stream):
    array_stream.skip_bad = True
    train = array_stream.tasks[1].splits["train"]
    array_stream.tasks[1].splits["train"] = replace(train, pictures=_Broken(train.pictures, 4))
    other = _next_like(array_stream, 34)
    own = array_stream.tasks[1].splits["train"].pictures.read(np.array([other - 30]))
    reader = RowReader(array_stream)
    reader._origin = np.arange(75) * 3
    with Loader(reader, np.array([34]), batch_size=1, steps=20, seed=5, augment="shift", views=4) as loader:
        for epoch, batch in enumerate(loader):
            assert batch.row.tolist() == [other]
            view = (hashed(5, epoch, np.array([34]), 0) % np.uint64(4)).astype(np.int64)
            expected = augment("shift", own, view_seeds(np.array([3 * other]), view))
            assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), expected)


def test_a_substitute_is_evaluated_with_all_that_is_its_own(question_stream):
    stream, _ = question_stream(beside=True)
    whole = stream.tasks[0].splits["train"]
    split = replace(whole, pictures=SubstitutePictures(_Broken(whole.pictures, 2)))
    (batch, *_) = eval_batches(split, batch_size=4)
    assert batch.row.tolist() == [0, 1, 2, 3]
    found = np.array([0, 1, 3, 3])
    assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), whole.pictures.array[found])
    assert np.array_equal(batch.feature.numpy(), whole.feature[found].astype(np.float32))
    for name in ("kind", "answer", "score"):
        assert np.array_equal(getattr(batch, name).numpy(), getattr(whole.questions, name)[found])
    for name in ("tokens", "label"):
        assert np.array_equal(getattr(batch, name).numpy(), getattr(whole, name)[found])


def test_features_are_evaluated_without_a_picture_being_read(encoded_stream):
    stream, _ = encoded_stream
    split = replace(stream.tasks[1].splits["test"], pictures=None)
    batches = list(eval_batches(split, batch_size=4))
    assert all(batch.image is None for batch in batches)
    found = np.concatenate([batch.feature.numpy() for batch in batches])
    assert np.array_equal(found, split.feature.astype(np.float32))


def test_rows_of_a_stream_with_queries_are_a_split_with_them(question_stream):
    stream, _ = question_stream(beside=True)
    split = RowReader(stream).split(ROWS)
    assert split.beside
    assert np.array_equal(split.feature, _all(stream, "feature")[ROWS])
    assert np.array_equal(split.pictures.read(np.array([3])), _pictures(stream)[ROWS[[3]]])
    for name in ("kind", "answer", "score"):
        assert np.array_equal(getattr(split.questions, name), _asked(stream, name)[ROWS])


def test_a_substitute_is_trained_on_with_all_that_is_its_own(question_stream):
    stream, _ = question_stream(beside=True)
    stream.skip_bad = True
    train = stream.tasks[1].splits["train"]
    stream.tasks[1].splits["train"] = replace(train, pictures=_Broken(train.pictures, 4))
    reader = RowReader(stream)
    found = reader.read(np.array([33, 34, 0]))
    other = _next_like(stream, 34)
    assert found.rows.tolist() == [33, other, 0] and reader.skipped == 1
    assert np.array_equal(found.feature, _all(stream, "feature")[[33, other, 0]])
    for name in ("kind", "answer", "score"):
        assert np.array_equal(getattr(found.questions, name), _asked(stream, name)[[33, other, 0]])
    split = reader.split(np.array([34, 50]))
    assert np.array_equal(split.pictures.read(np.array([0, 1])), reader.read(np.array([other, 50])).pictures)
