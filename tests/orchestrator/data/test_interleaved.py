"""Steps on the task and on the memory by turns."""

import threading

import numpy as np
import pytest

from methods.method import InputSpec, Task
from orchestrator.data.interleaved import Interleaved
from orchestrator.data.loader import Loader
from orchestrator.data.row_reader import RowReader
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.stream import Split, Stream, TaskData


@pytest.fixture
def reader():
    image = np.zeros((60, 8, 8, 3), np.uint8)
    split = Split(ArrayPictures(image), np.zeros((60, 4), np.int32), np.zeros(60, np.int32))
    task = TaskData(Task(0, "one", "retrieval", 1), {"train": split})
    return RowReader(Stream("tiny", InputSpec(8, 4, 50, 0, 1, 2, 3), [task], "none"))


def _loader(reader, rows, seed=1, **options):
    return Loader(reader, rows, **{"batch_size": 8, "steps": 4, "seed": seed, "augment": "none", **options})


@pytest.mark.parametrize("micro", [1, 2])
def test_batches_come_by_turns(reader, micro):
    loaders = [_loader(reader, rows, accumulate=micro) for rows in (np.arange(40), np.arange(40, 60))]
    with Interleaved(*loaders, micro) as paired:
        found = list(paired)
    assert len(found) == len(paired) == 8 * micro
    old = [bool((batch.row >= 40).all()) for batch in found]
    assert old == ([False] * micro + [True] * micro) * 4
    for part, loader in zip((False, True), loaders, strict=True):
        mine = [b.row.tolist() for b, memory in zip(found, old, strict=True) if memory == part]
        assert mine == [batch.row.tolist() for batch in loader]


@pytest.mark.parametrize("kept", [1, 3, 5, 20])
def test_a_small_memory_is_walked_epoch_after_epoch_and_no_draw_comes_again(reader, kept):
    memory = _loader(reader, np.arange(40, 40 + kept), 2, accumulate=2, steps=8)
    with Interleaved(_loader(reader, np.arange(40), accumulate=2, steps=8), memory, 2) as paired:
        found = list(paired)
    seeds = [batch.seed for batch in found]
    assert len(set(seeds)) == len(seeds) == 32
    again = [batch.row.tolist() for batch in found if (batch.row >= 40).all()]
    size = len(again[0])
    assert size == {1: 1, 3: 1, 5: 2, 20: 4}[kept]
    an_epoch = {1: 1, 3: 2, 5: 2, 20: 4}[kept]
    epochs = [sum(again[i : i + an_epoch], []) for i in range(0, 16, an_epoch)]
    assert all(len(set(epoch)) == len(epoch) == size * an_epoch for epoch in epochs)
    assert set(sum(epochs, [])) == set(range(40, 40 + kept))


def test_loaders_of_different_length_are_an_error(reader):
    with pytest.raises(ValueError, match="4 batches of a task cannot be paired with 5 of a memory"):
        Interleaved(_loader(reader, np.arange(40)), _loader(reader, np.arange(40), steps=5), 1)


def test_waiting_and_closing_are_those_of_both(reader):
    loaders = [_loader(reader, np.arange(40)) for _ in range(2)]
    for seconds, loader in zip((1.0, 2.5), loaders, strict=True):
        loader._batches.waited = seconds
    before = threading.active_count()
    with Interleaved(*loaders, 1) as paired:
        assert paired.waited == 3.5
        batches = iter(paired)
        next(batches), next(batches)
        assert threading.active_count() > before + 1
    assert threading.active_count() == before
