from dataclasses import replace

import numpy as np
import pytest

from orchestrator.errors import BadRecord
from orchestrator.replay.limits import row_bytes
from orchestrator.replay.rows import RowReader
from orchestrator.replay.shared_stream import Candidates, SharedStream
from orchestrator.replay.substitute import Substitute
from orchestrator.streams.pictures import ArrayPictures

ROWS = np.array([74, 0, 29, 30, 49, 50, 7, 7])


def _by_hand(stream, rows):
    pictures, tokens, label = [], [], []
    for row in rows:
        task = int(stream.task_of(row))
        split, local = stream.tasks[task].splits["train"], row - stream.starts[task]
        pictures.append(split.pictures.read(np.array([local]))[0])
        tokens.append(split.tokens[local])
        label.append(split.label[local])
    return np.array(pictures), np.array(tokens), np.array(label)


def _with_candidates(stream, rows, pictures):
    reader = RowReader(stream)
    everything = reader.read(np.arange(stream.starts[-1]))
    return SharedStream(
        stream.name,
        stream.spec,
        stream.tasks,
        stream.augment,
        stream.skip_bad,
        everything.tokens,
        everything.label,
        Candidates(rows, pictures),
        100.0,
    )


def test_rows_come_in_the_order_asked_for(array_stream):
    reader = RowReader(array_stream)
    found = reader.read(ROWS)
    for mine, expected in zip(found[:3], _by_hand(array_stream, ROWS), strict=True):
        assert np.array_equal(mine, expected)
    assert found.rows.tolist() == ROWS.tolist()
    assert reader.bytes_per_row == row_bytes(array_stream)


def test_a_split_of_any_rows(array_stream):
    split = RowReader(array_stream).split(ROWS)
    pictures, tokens, label = _by_hand(array_stream, ROWS)
    assert len(split) == len(ROWS)
    assert np.array_equal(split.pictures.read(np.array([5, 1])), pictures[[5, 1]])
    assert np.array_equal(split.tokens, tokens) and np.array_equal(split.label, label)


@pytest.mark.parametrize("rows", [ROWS, np.array([29, 7]), np.array([8, 74])])
def test_candidates_are_read_from_memory_and_the_rest_from_the_source(array_stream, rows):
    known = np.array([7, 29, 49])
    marked = np.stack([np.full((8, 8, 3), 100 + i, np.uint8) for i in range(3)])
    reader = RowReader(_with_candidates(array_stream, known, ArrayPictures(marked)))
    expected = _by_hand(array_stream, rows)[0]
    for i, row in enumerate(rows):
        if row in known:
            expected[i] = marked[known.tolist().index(row)]
    assert np.array_equal(reader.read(rows).pictures, expected)
    assert reader.bytes_per_row == 100.0


def test_no_candidates_at_all(array_stream):
    empty = Candidates(np.empty(0, np.int64), ArrayPictures(np.empty((0, 8, 8, 3), np.uint8)))
    stream = _with_candidates(array_stream, empty.rows, empty.pictures)
    assert np.array_equal(RowReader(stream).read(ROWS).pictures, _by_hand(array_stream, ROWS)[0])


def test_a_bad_picture_is_named_by_its_global_row(file_stream, tmp_path):
    stream = file_stream()
    (tmp_path / "pictures" / "1" / "train" / "4.jpg").unlink()
    with pytest.raises(BadRecord, match="1/train/4.jpg") as error:
        RowReader(stream).read(np.array([3, 34, 35]))
    assert error.value.row == 34


def test_skip_bad_takes_the_next_sample_of_the_task_whole(file_stream, tmp_path):
    stream = file_stream(skip_bad=True)
    expected = _by_hand(stream, [30, 31, 35, 60])
    for name in ("4", "19"):
        (tmp_path / "pictures" / "1" / "train" / f"{name}.jpg").write_bytes(b"no picture")
    reader = RowReader(stream)
    # Row 49 is the last of its task: its substitute is the first, not the next task's.
    found = reader.read(np.array([49, 31, 34, 60]))
    assert found.rows.tolist() == [30, 31, 35, 60]
    for mine, theirs in zip(found[:3], expected, strict=True):
        assert np.array_equal(mine, theirs)
    assert reader.skipped == 2
    split = reader.split(np.array([34, 35]))
    assert np.array_equal(split.pictures.read(np.array([0])), expected[0][[2]])


def test_skip_bad_gives_up_on_a_task_without_any_picture(file_stream, tmp_path):
    stream = file_stream(skip_bad=True)
    for path in (tmp_path / "pictures" / "2" / "train").iterdir():
        path.unlink()
    with pytest.raises(BadRecord, match="2/train"):
        RowReader(stream).read(np.array([0, 60]))


def test_features_are_read_in_the_place_of_pictures(encoded_stream):
    stream, _ = encoded_stream
    reader = RowReader(stream)
    assert reader.encoded and reader.views == 3
    found = reader.read(ROWS)
    assert found.pictures is None
    # The training rows of all tasks come first in the array, so a row is its own place.
    whole = np.concatenate([task.splits["train"].feature for task in stream.tasks])
    assert np.array_equal(found.feature, whole[ROWS])
    view = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    assert np.array_equal(reader.read(ROWS, view).feature, stream.views[ROWS, view])
    split = reader.split(ROWS)
    assert np.array_equal(split.feature, whole[ROWS]) and np.array_equal(split.label, found.label)


class _Broken(ArrayPictures):
    """Picture 1 cannot be read."""

    def read(self, rows):
        if 1 in rows:
            raise BadRecord("picture 1 is broken", 1)
        return super().read(rows)


def test_a_stream_that_lies_in_memory_as_a_whole_is_read_by_row(array_stream):
    everything = RowReader(array_stream).read(np.arange(75)).pictures
    reader = RowReader(_with_candidates(array_stream, None, ArrayPictures(255 - everything)))
    assert np.array_equal(reader.read(ROWS).pictures, 255 - everything[ROWS])


def test_a_bad_candidate_is_named_by_its_global_row(array_stream):
    pictures = _Broken(np.zeros((3, 8, 8, 3), np.uint8))
    reader = RowReader(_with_candidates(array_stream, np.array([7, 29, 49]), pictures))
    with pytest.raises(BadRecord, match="picture 1") as error:
        reader.read(np.array([7, 29, 50]))
    assert error.value.row == 29


def test_sources_that_replace_bad_pictures_are_read_without_that(array_stream):
    """Else a picture would be another's and its caption its own."""
    array_stream.skip_bad = True
    train = array_stream.tasks[1].splits["train"]
    pictures = Substitute(_Broken(train.pictures.array))
    array_stream.tasks[1].splits["train"] = replace(train, pictures=pictures)
    reader = RowReader(array_stream)
    found = reader.read(np.array([31, 30]))
    assert found.rows.tolist() == [32, 30] and reader.skipped == 1
    assert np.array_equal(found.pictures, train.pictures.array[[2, 0]])
    assert np.array_equal(found.tokens, train.tokens[[2, 0]])


def test_labels_and_numbers_at_the_source(array_stream, encoded_stream):
    reader = RowReader(array_stream)
    assert np.array_equal(reader.labels(ROWS), _by_hand(array_stream, ROWS)[2])
    assert reader.origin(ROWS).tolist() == ROWS.tolist()
    assert not reader.split(ROWS).beside and not RowReader(encoded_stream[0]).split(ROWS).beside
    shared = _with_candidates(array_stream, np.empty(0, np.int64), None)
    shared.origin = np.arange(75) + 9
    assert RowReader(shared).origin(ROWS).tolist() == (ROWS + 9).tolist()
