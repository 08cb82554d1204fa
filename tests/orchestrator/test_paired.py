"""Steps on the task and on the memory by turns."""

from itertools import islice

import numpy as np
import pytest

from methods.method import InputSpec, Task
from orchestrator.loader import Loader
from orchestrator.paired import Paired
from orchestrator.replay.rows import RowReader
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData


@pytest.fixture
def reader():
    image = np.zeros((60, 8, 8, 3), np.uint8)
    split = Split(ArrayPictures(image), np.zeros((60, 4), np.int32), np.zeros(60, np.int32))
    task = TaskData(Task(0, "one", "retrieval", 1), {"train": split})
    return RowReader(Stream("tiny", InputSpec(8, 4, 50, 0, 1, 2, 3), [task], "none"))


def _loader(reader, rows, epochs=1):
    return Loader(reader, rows, batch_size=8, epochs=epochs, seed=1, augment="none")


@pytest.mark.parametrize("micro", [1, 2])
def test_batches_come_by_turns(reader, micro):
    with Paired(_loader(reader, np.arange(40)), _loader(reader, np.arange(40, 60), 9), micro) as paired:
        found = list(islice(paired, 8))
    old = [bool((batch.row >= 40).all()) for batch in found]
    assert old == ([False] * micro + [True] * micro) * (4 // micro)
    alone = _loader(reader, np.arange(40))
    with alone:
        expected = [batch.row.tolist() for batch in islice(alone, 4)]
    assert [b.row.tolist() for b, memory in zip(found, old, strict=True) if not memory] == expected


def test_a_loader_that_ends_begins_again(reader):
    with Paired(_loader(reader, np.arange(8)), _loader(reader, np.arange(40, 60)), 1) as paired:
        found = list(islice(paired, 12))
    assert [bool((batch.row >= 40).all()) for batch in found] == [False, True] * 6
