from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from methods.method import InputSpec, Task
from orchestrator.data.loader import eval_batches
from orchestrator.data.row_reader import RowReader
from orchestrator.errors import BadRecord
from orchestrator.object_store.memory_plan import row_bytes
from orchestrator.object_store.shared_stream import Candidates, SharedStream
from orchestrator.streams.pictures import ArrayPictures, EncodedPictures
from orchestrator.streams.pictures.substitute import SubstitutePictures
from orchestrator.streams.random_crop import CROP_DRAWS
from orchestrator.streams.source import Questions, QuestionTables
from orchestrator.streams.stream import Split, Stream, TaskData

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


@pytest.mark.parametrize("rows", [ROWS, np.array([29, 7]), np.array([8, 74]), np.array([0, 50])])
def test_crops_are_cut_for_each_row_wherever_its_picture_lies(file_stream, rows):
    stream = file_stream()
    draws = np.random.default_rng(0).random((len(rows), CROP_DRAWS))
    expected = []
    for row, own in zip(rows, draws, strict=True):
        task = int(stream.task_of(row))
        pictures = stream.tasks[task].splits["train"].pictures
        expected.append(pictures.read_crops(np.array([row - stream.starts[task]]), own[None])[0])
    np.testing.assert_array_equal(RowReader(stream).read(rows, crops=draws).pictures, expected)
    assert not np.array_equal(RowReader(stream).read(rows).pictures, expected)
    known = np.array([7, 29, 49])
    bytes_of = [
        stream.tasks[k].splits["train"].pictures.read_encoded(np.array([row]))[0]
        for k, row in ((0, 7), (0, 29), (1, 19))
    ]
    offsets = np.cumsum([0, *map(len, bytes_of)])
    candidates = EncodedPictures(np.frombuffer(b"".join(bytes_of), np.uint8), offsets, 8)
    shared = RowReader(_with_candidates(stream, known, candidates))
    np.testing.assert_array_equal(shared.read(rows, crops=draws).pictures, expected)
    stream.skip_bad = True
    np.testing.assert_array_equal(RowReader(stream).read(rows, crops=draws).pictures, expected)


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


class _Spoilt(ArrayPictures):
    """Pictures of which some cannot be read."""

    def __init__(self, array, bad):
        super().__init__(array)
        self.bad = set(bad)

    def read(self, rows):
        for row in np.asarray(rows).tolist():
            if row in self.bad:
                raise BadRecord(f"picture {row} cannot be read", row)
        return super().read(rows)


# Task 0 owns rows 0 .. 9, task 1 rows 10 .. 19; object group 0 has labels 0 and 1.
LABELS = ((0, 1, 2, 0, 1, 2, 0, 1, 2, 2), (3, 0, 3, 0, 3, 0, 3, 0, 3, 3))


def _labelled(scenario, *bad):
    """A stream of two tasks of ten samples. The picture, tokens and questions of each hold its own number."""
    tasks = []
    for k, labels in enumerate(LABELS):
        number = np.arange(10 * k, 10 * k + 10)
        pictures = np.broadcast_to(number[:, None, None, None], (10, 8, 8, 3)).astype(np.uint8)
        column = number.astype(np.int32)[:, None]
        questions = Questions(number.astype(np.int32), column, column.astype(np.float32))
        spoilt = _Spoilt(pictures, [row - 10 * k for row in bad if row // 10 == k])
        splits = {"train": Split(spoilt, column, np.array(labels, np.int32), questions=questions)}
        tasks.append(TaskData(Task(k, f"t{k}", scenario, 2), splits))
    tables = QuestionTables(["a"], 1, ["k"], ["g", "h"], [0, 0, 1, 1])
    return Stream("made", InputSpec(8, 1, 50, 0, 1, 2, 3), tasks, "none", True, tables=tables)


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ((), {0: 0, 3: 3}),
        ((3,), {3: 6, 0: 0, 4: 4}),
        ((3, 6), {3: 0, 6: 0, 0: 0}),  # round to the class's first
        ((2, 5, 8), {2: 9, 5: 9, 8: 9}),
        ((9,), {9: 2}),  # not task 1's first row
        ((11, 13, 15), {11: 17, 13: 17, 15: 17, 0: 0}),  # class 0 of task 1, not task 0's
        ((19,), {19: 10}),
    ],
)
@pytest.mark.parametrize("scenario", ["recognition", "vqa", "retrieval"])
def test_skip_bad_takes_the_next_sample_of_the_task_and_label_whole(scenario, bad, expected):
    stream = _labelled(scenario, *bad)
    reader = RowReader(stream)
    asked, taken = np.array(list(expected)), list(expected.values())
    found = reader.read(asked)
    assert found.rows.tolist() == taken
    assert found.pictures[:, 0, 0, 0].tolist() == found.tokens[:, 0].tolist() == taken
    assert found.questions.kind.tolist() == found.questions.answer[:, 0].tolist() == taken
    labels = np.concatenate(LABELS)
    assert found.label.tolist() == labels[asked].tolist() == labels[taken].tolist()
    assert (stream.task_of(found.rows) == stream.task_of(asked)).all()
    assert reader.skipped == len(set(bad) & set(asked.tolist()) | set(_between(bad, expected)))


def _between(bad, expected):
    """The bad rows that lie between a row and its substitute."""
    labels = np.concatenate(LABELS)
    for row, other in expected.items():
        task = range(row // 10 * 10, row // 10 * 10 + 10)
        group = [r for r in task if labels[r] == labels[row]]
        place = group.index(row)
        while group[place % len(group)] != other:
            yield group[place % len(group)]
            place += 1


def test_a_substitute_depends_on_neither_batch_nor_order_nor_thread():
    bad = (1, 3, 6, 8, 11, 13, 19)
    singly = RowReader(_labelled("vqa", *bad))
    alone = [int(singly.read(np.array([row])).rows[0]) for row in range(19, -1, -1)][::-1]
    assert RowReader(_labelled("vqa", *bad)).read(np.arange(20)).rows.tolist() == alone
    reader = RowReader(_labelled("vqa", *bad))
    rows = np.random.default_rng(0).integers(0, 20, (200, 4))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(reader.read, rows))
    for asked, samples in zip(rows, found, strict=True):
        assert samples.rows.tolist() == [alone[row] for row in asked]
        assert samples.pictures[:, 0, 0, 0].tolist() == samples.rows.tolist()
    assert reader.skipped == len(bad)


def test_a_class_of_which_no_picture_can_be_read_is_one_line():
    stream = _labelled("recognition", 1, 4, 7)
    reader = RowReader(stream)
    assert reader.read(np.array([0, 2])).rows.tolist() == [0, 2]
    with pytest.raises(BadRecord, match=r"^picture 4 cannot be read; nor can any other picture") as error:
        reader.read(np.array([0, 4]))
    assert error.value.row == 4 and "\n" not in str(error.value)


def test_in_retrieval_a_record_of_the_task_stands_for_a_category_that_has_none():
    reader = RowReader(_labelled("retrieval", 1, 2, 4, 7))
    assert reader.read(np.array([1, 4, 7, 2])).rows.tolist() == [3, 5, 8, 5]
    with pytest.raises(BadRecord, match="nor can any other picture"):
        RowReader(_labelled("retrieval", *range(10))).read(np.array([10, 3]))


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ((1, 4, 7), {1: 3, 4: 6, 7: 0, 2: 2}),  # label 0, of the same group of objects, not the next row
        ((0, 1, 3, 4, 6, 7), {0: 2, 1: 2, 3: 5, 6: 8, 2: 2}),  # no other of the group: the task's next
        ((11, 13, 15, 17), {11: 12, 17: 18, 3: 3}),  # not label 0 of task 0
    ],
)
def test_in_vqa_a_question_of_the_group_stands_for_an_object_that_has_none_then_one_of_the_task(
    bad, expected
):
    reader = RowReader(_labelled("vqa", *bad))
    found = reader.read(np.array(list(expected)))
    assert found.rows.tolist() == list(expected.values())
    assert found.label.tolist() == np.concatenate(LABELS)[found.rows].tolist()
    for column in (found.tokens[:, 0], found.questions.kind, found.questions.answer[:, 0]):
        assert column.tolist() == found.rows.tolist() == found.pictures[:, 0, 0, 0].tolist()
    with pytest.raises(BadRecord, match="nor can any other picture"):
        RowReader(_labelled("vqa", *range(10))).read(np.array([10, 3]))


def test_what_ranks_samples_sees_those_that_are_trained_on():
    bad = (3, 6, 19)
    reader = RowReader(_labelled("vqa", *bad))
    rows = np.array([6, 3, 19, 1])
    split = reader.split(rows)
    trained = reader.read(rows)
    # Its substitute is row 0, which is not among the rows.
    assert trained.rows.tolist() == [0, 0, 10, 1]
    assert split.pictures.read(np.arange(4))[:, 0, 0, 0].tolist() == [0, 0, 10, 1]
    for name in ("tokens", "label"):
        assert np.array_equal(getattr(split, name), getattr(trained, name))
    assert np.array_equal(split.questions.kind, trained.questions.kind)
    (batch,) = eval_batches(split, batch_size=4)
    assert batch.tokens[:, 0].tolist() == [0, 0, 10, 1] and batch.row.tolist() == [0, 1, 2, 3]


def test_a_picture_that_fails_while_others_read_is_never_paired_with_anothers_caption():
    stream = _labelled("vqa")
    reader, pictures = RowReader(stream), stream.tasks[0].splits["train"].pictures
    read = pictures.read

    def failing_next(rows):
        found = read(rows)
        # Between this reader's pictures and its texts another thread meets the row as bad.
        if not pictures.bad:
            pictures.bad = {0}
            reader.read(np.array([0]))
        return found

    pictures.read = failing_next
    found = reader.read(np.array([0]))
    assert found.pictures[0, 0, 0, 0] == found.tokens[0, 0] == found.rows[0] == 0


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
    """Otherwise a picture would be another sample's while the caption is its own."""
    array_stream.skip_bad = True
    train = array_stream.tasks[1].splits["train"]
    pictures = SubstitutePictures(_Broken(train.pictures.array))
    array_stream.tasks[1].splits["train"] = replace(train, pictures=pictures)
    reader = RowReader(array_stream)
    found = reader.read(np.array([31, 30]))
    other = next(row for row in range(2, 20) if train.label[row] == train.label[1])
    assert found.rows.tolist() == [30 + other, 30] and reader.skipped == 1
    assert np.array_equal(found.pictures, train.pictures.array[[other, 0]])
    assert np.array_equal(found.tokens, train.tokens[[other, 0]])


def test_rows_are_looked_at_before_anybody_chooses_however_many_they_are():
    class Broken(ArrayPictures):
        def read(self, rows):
            for row in rows:
                if row in (3, 190):
                    raise BadRecord("x", int(row))
            return super().read(rows)

    rows = np.arange(200)
    found = SubstitutePictures(Broken(np.zeros((200, 2, 2, 3), np.uint8))).readable(rows)
    assert {row: other for row, other in zip(rows.tolist(), found.tolist(), strict=True) if row != other} == {
        3: 4,
        190: 191,
    }


def test_labels_and_numbers_at_the_source(array_stream, encoded_stream):
    reader = RowReader(array_stream)
    assert np.array_equal(reader.labels(ROWS), _by_hand(array_stream, ROWS)[2])
    assert reader.origin(ROWS).tolist() == ROWS.tolist()
    assert not reader.split(ROWS).beside and not RowReader(encoded_stream[0]).split(ROWS).beside
    shared = _with_candidates(array_stream, np.empty(0, np.int64), None)
    shared.origin = np.arange(75) + 9
    assert RowReader(shared).origin(ROWS).tolist() == (ROWS + 9).tolist()
