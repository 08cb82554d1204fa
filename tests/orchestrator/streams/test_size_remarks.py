import numpy as np

from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.size_remarks import size_remarks
from orchestrator.streams.source import SplitSource, StreamSource, TaskSource


def source(*sizes):
    """Tasks of so many (training, validation) records."""

    def split(count):
        pictures = ArrayPictures(np.zeros((count, 2, 2, 3), np.uint8))
        return SplitSource(pictures, [], np.zeros(count, np.int32), [""] * count)

    tasks = [
        TaskSource(f"t{n}", {"train": split(train), "validation": split(held)})
        for n, (train, held) in enumerate(sizes)
    ]
    return StreamSource("s", "recognition", 2, ["a"], tasks, "none", "f")


def test_few_validation_records_are_said_with_what_one_of_them_is_worth():
    assert list(size_remarks(source((100, 20), (100, 4), (100, 19)), 50)) == [
        "few validation records: 2 of 3 tasks have less than 20, the fewest 4 (task t1), where one more that "
        "is right is worth 25 points"
    ]
    assert list(size_remarks(source((100, 20), (100, 300)), 50)) == []


def test_that_nothing_is_held_out_is_said():
    found = source((100, 20), (100, 20))
    for task in found.tasks:
        del task.splits["validation"]
    assert list(size_remarks(found, 50)) == [
        "no validation records (stream.validation 0): a run is measured on test data alone, at its end"
    ]


def test_a_memory_that_holds_all_that_could_be_replayed_is_said():
    stream = source((30, 20), (40, 20), (500, 20))
    assert list(size_remarks(stream, 69)) == []
    assert list(size_remarks(stream, 70)) == [
        "the memory is as large as the data: up to 70 records (replay.size) are all 70 training records of "
        "the tasks before the last"
    ]
    assert list(size_remarks(source((30, 20)), 1000)) == [], "of one task nothing is replayed"
