"""Rows of questions, of features beside pictures, and of what was left out."""

import numpy as np
import pytest

from orchestrator.data.row_reader import RowReader
from orchestrator.errors import BadRecord
from orchestrator.object_store.shared_stream import Candidates, SharedStream
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.pictures.subset import PictureSubset

ROWS = np.array([74, 0, 29, 30, 49, 50, 7, 7])


class _Broken(ArrayPictures):
    def read(self, rows):
        if (bad := np.asarray(rows) == 2).any():
            raise BadRecord("picture 2 is no picture", 2)
        assert not bad.any()
        return super().read(rows)


def _joined(stream, name):
    return np.concatenate([getattr(task.splits["train"].questions, name) for task in stream.tasks])


@pytest.mark.parametrize("beside", [False, True])
def test_questions_and_queries_come_with_their_rows(question_stream, beside):
    stream, _ = question_stream(beside=beside)
    reader = RowReader(stream)
    found, split = reader.read(ROWS), reader.split(ROWS)
    for name in ("kind", "answer", "score"):
        expected = _joined(stream, name)[ROWS]
        assert np.array_equal(getattr(found.questions, name), expected)
        assert np.array_equal(getattr(split.questions, name), expected)
    assert np.array_equal(reader.labels(ROWS), found.label) and np.array_equal(split.label, found.label)
    assert found.pictures is not None and split.beside is beside
    if beside:
        feature = np.concatenate([task.splits["train"].feature for task in stream.tasks])[ROWS]
        assert np.array_equal(found.feature, feature) and np.array_equal(split.feature, feature)
    else:
        assert found.feature is None and split.feature is None


def _shared(stream, candidates, origin=None):
    whole = RowReader(stream).read(np.arange(stream.starts[-1]))
    return SharedStream(
        stream.name, stream.spec, stream.tasks, stream.augment, stream.skip_bad, whole.tokens, whole.label,
        candidates, 100.0, origin=origin,
    )  # fmt: skip


def test_the_numbers_from_before_rows_were_left_out(array_stream):
    nothing = Candidates(np.empty(0, np.int64), ArrayPictures(np.empty((0, 8, 8, 3), np.uint8)))
    origin = np.arange(75) + (np.arange(75) > 10)
    reader = RowReader(_shared(array_stream, nothing, origin))
    assert reader.origin(ROWS).tolist() == [75, 0, 30, 31, 50, 51, 7, 7]
    assert RowReader(array_stream).origin(ROWS).tolist() == ROWS.tolist()


def test_a_bad_candidate_is_named_by_its_global_row(array_stream):
    pictures = _Broken(np.zeros((4, 8, 8, 3), np.uint8))
    stream = _shared(array_stream, Candidates(np.array([5, 7, 29, 60]), pictures))
    with pytest.raises(BadRecord) as error:
        RowReader(stream).read(np.array([60, 29, 3]))
    assert error.value.row == 29


def test_a_subset_is_read_by_its_own_rows_and_names_a_bad_one_by_them():
    array = np.arange(5 * 8 * 8 * 3, dtype=np.uint32).astype(np.uint8).reshape(5, 8, 8, 3)
    some = PictureSubset(_Broken(array), np.array([4, 0, 2]))
    assert len(some) == 3
    assert np.array_equal(some.read(np.array([1, 0])), array[[0, 4]])
    with pytest.raises(BadRecord) as error:
        some.read(np.array([0, 2]))
    assert error.value.row == 2
    with pytest.raises(BadRecord) as error:
        PictureSubset(_Broken(array), np.array([2, 0])).read(np.array([1, 0]))
    assert error.value.row == 0
