import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.method import Batch, InputSpec, Task
from orchestrator.data.loader import Loader, eval_batches
from orchestrator.data.row_reader import RowReader, Samples
from orchestrator.errors import BadRecord, UserError
from orchestrator.seeding import hashed
from orchestrator.streams.augment import augment as augmented
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.pictures.substitute import SubstitutePictures
from orchestrator.streams.stream import Split, Stream, TaskData

SIZE = 16
ROWS = np.arange(5, 55)


class _Broken(ArrayPictures):
    """Row 7 of each task cannot be read."""

    def read(self, rows):
        if 7 in rows:
            raise BadRecord("record 7 is broken", 7)
        return super().read(rows)


def _stream(pictures=ArrayPictures, skip_bad=False):
    rng = np.random.default_rng(0)

    def split(count):
        image = rng.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
        tokens = rng.integers(0, 50, (count, 6), dtype=np.int32)
        return Split(pictures(image), tokens, rng.integers(0, 5, count, dtype=np.int32))

    tasks = [TaskData(Task(k, str(k), "retrieval", 2), {"train": split(30)}) for k in range(2)]
    return Stream("tiny", InputSpec(SIZE, 6, 50, 0, 1, 2, 3), tasks, "shift", skip_bad)


def _loader(stream=None, rows=ROWS, **options):
    """A loader of two epochs of ``rows``, if these are not fewer than a batch."""
    reader = RowReader(stream or _stream())
    defaults = {"batch_size": 16, "seed": 9, "augment": "shift"}
    options = {**defaults, **options}
    return Loader(reader, rows, **{"steps": 2 * (len(rows) // max(1, options["batch_size"])), **options})


def _rows(batches):
    return [batch.row.tolist() for batch in batches]


def _equal(a: Batch, b: Batch):
    return all(
        torch.equal(getattr(a, name), getattr(b, name)) for name in ("image", "tokens", "label", "row")
    )


def test_a_batch_is_what_the_contract_says():
    loader = _loader(augment="none")
    batches = list(loader)
    reader = RowReader(_stream())
    assert len(batches) == len(loader) == 6
    for batch in batches:
        expected = reader.read(batch.row.numpy())
        assert (batch.image.shape, batch.image.dtype) == ((16, 3, SIZE, SIZE), torch.uint8)
        assert batch.image.is_contiguous()
        assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), expected.pictures)
        assert batch.tokens.dtype == batch.label.dtype == batch.row.dtype == torch.int64
        assert np.array_equal(batch.tokens.numpy(), expected.tokens)
        assert np.array_equal(batch.label.numpy(), expected.label)
        assert (batch.offset, batch.total) == (0, 16)
    assert len({batch.seed for batch in batches}) == 6
    torch.Generator().manual_seed(batches[0].seed)


def test_a_samples_weight_is_its_rows_on_all_ranks_and_in_micro_batches():
    rows, weight = ROWS[:40], np.linspace(0.1, 4, 40)
    options = {"rows": rows, "batch_size": 8, "accumulate": 2, "ranks": 2, "weight": weight}
    for rank in (0, 1):
        batches = list(_loader(**options, rank=rank))
        assert len(batches) == 20 and all(batch.weight.dtype == torch.float32 for batch in batches)
        for batch in batches:
            assert batch.weight.tolist() == pytest.approx(weight[batch.row.numpy() - rows[0]].tolist())
    assert all(batch.weight is None for batch in _loader())


def test_epochs_walk_the_rows_in_different_orders():
    rows = torch.stack([batch.row for batch in _loader(batch_size=10)]).reshape(2, 50)
    assert all(sorted(epoch.tolist()) == ROWS.tolist() for epoch in rows)
    assert not torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], torch.from_numpy(ROWS))
    other = torch.stack([batch.row for batch in _loader(batch_size=10, seed=10)]).reshape(2, 50)
    assert not torch.equal(rows, other)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"batch_size": 16}, [16, 16, 16, 2]),
        ({"batch_size": 16, "ranks": 2}, [8, 8, 8, 1]),
        ({"batch_size": 16, "accumulate": 2}, [8, 8, 8, 8, 8, 8, 1, 1]),
        ({"batch_size": 32, "accumulate": 4, "ranks": 2}, [4, 4, 4, 4, 2, 2, 2, 2]),  # of 18 rows 16
        ({"batch_size": 48, "accumulate": 2, "ranks": 2}, [12, 12]),  # two rows cannot be cut into four
        ({"batch_size": 50}, [50]),
        ({"batch_size": 64}, [50]),
    ],
)
def test_what_is_left_at_an_epochs_end_may_be_a_smaller_batch(options, sizes):
    micro = options.get("accumulate", 1)
    ranks = range(options.get("ranks", 1))
    how = {**options, "steps": 2 * len(sizes) // micro, "augment": "none"}
    kept = [list(_loader(**how, keep_last=True, rank=rank)) for rank in ranks]
    dropped = [list(_loader(**how, rank=rank)) for rank in ranks]
    whole = sizes[: len(sizes) - micro] if sizes[0] != sizes[-1] else sizes
    for rank in ranks:
        assert [len(batch) for batch in kept[rank]] == 2 * sizes
        assert [(b.offset, b.total) for b in kept[rank]] == [
            (rank * size, len(ranks) * size) for size in 2 * sizes
        ]
        assert _rows(kept[rank])[: len(whole)] == _rows(dropped[rank])[: len(whole)]
    for epoch in (0, 1):
        mine = slice(epoch * len(sizes), (epoch + 1) * len(sizes))
        rows = sum((sum(_rows(kept[rank][mine]), []) for rank in ranks), [])
        assert len(rows) == len(set(rows)) == len(ranks) * sum(sizes) and set(rows) <= set(ROWS.tolist())
    assert len({batch.seed for batch in kept[0]}) == 2 * len(sizes)


def test_threads_and_repetition_change_nothing():
    first = list(_loader(threads=1, depth=1))
    for again in (_loader(threads=3, depth=5), _loader()):
        for a, b in zip(first, again, strict=True):
            assert _equal(a, b) and a.seed == b.seed


def test_two_ranks_see_the_batches_of_one():
    whole = list(_loader())
    shares = [list(_loader(rank=rank, ranks=2)) for rank in range(2)]
    for batch, left, right in zip(whole, *shares, strict=True):
        assert left.seed == right.seed == batch.seed
        assert (left.offset, right.offset, left.total, right.total) == (0, 8, 16, 16)
        for name in ("image", "tokens", "label", "row"):
            both = torch.cat([getattr(left, name), getattr(right, name)])
            assert torch.equal(both, getattr(batch, name))


def test_the_numbers_of_a_seed_stay_what_they_were():
    """Order, seeds and augmentation are those of runs from before batches were counted over all epochs."""
    batches = list(_loader())
    assert batches[0].row[:8].tolist() == [33, 38, 34, 19, 54, 20, 37, 32]
    assert batches[4].row[:8].tolist() == [17, 33, 32, 44, 35, 15, 48, 49]
    assert [batch.seed for batch in batches[::5]] == [7654704053766882388, 4734246720838242223]
    for number, batch in enumerate(batches):
        pictures = RowReader(_stream()).read(batch.row.numpy()).pictures
        seeds = hashed(9, number // 3, batch.row.numpy(), 0)
        assert np.array_equal(batch.image.permute(0, 2, 3, 1).numpy(), augmented("shift", pictures, seeds))


@pytest.mark.parametrize("number", ["seed", "image", "row"])
def test_another_seed_gives_other_numbers(number):
    # A single row has one order: its picture differs by its augmentation alone.
    options = {} if number == "row" else {"rows": np.arange(1), "batch_size": 1, "steps": 1}
    found = []
    for seed in (9, 10):
        with _loader(seed=seed, **options) as loader:
            found.append(getattr(next(iter(loader)), number))
    mine, theirs = found
    assert mine != theirs if number == "seed" else not torch.equal(mine, theirs)


@pytest.mark.parametrize("rows", [50, 47, 32])
def test_micro_batches_are_parts_of_the_batches(rows):
    """This holds too where an epoch has room for more micro-batches than its batches need: 50 rows in batches
    of 32.
    """
    rows = np.arange(rows)
    whole = list(_loader(rows=rows, batch_size=32, steps=3))
    parts = list(_loader(rows=rows, batch_size=32, steps=3, accumulate=4))
    assert [len(batch) for batch in parts] == [8] * 12 and {batch.total for batch in parts} == {8}
    for k, batch in enumerate(whole):
        mine = parts[4 * k : 4 * k + 4]
        for name in ("image", "tokens", "label", "row"):
            assert torch.equal(torch.cat([getattr(part, name) for part in mine]), getattr(batch, name))
    assert len({batch.seed for batch in parts}) == 12


@pytest.mark.parametrize(
    ("rows", "batch_size", "accumulate", "ranks", "size", "an_epoch"),
    [
        (6, 16, 1, 1, 6, 1),  # one batch of all rows
        (6, 16, 4, 1, 1, 4),  # as many in each micro-batch as can be
        (7, 16, 1, 2, 6, 1),  # two ranks share six of seven rows
        (9, 16, 2, 2, 4, 2),
        (15, 16, 1, 1, 15, 1),
        (3, 16, 8, 1, 2, 1),  # fewer rows than micro-batches: none is larger than it was asked to be
        (4, 8, 8, 1, 1, 4),
        (1, 16, 8, 1, 1, 1),
        (7, 32, 4, 2, 6, 1),
        (5, 32, 4, 2, 4, 1),
        (16, 16, 4, 2, 4, 4),
    ],
)
def test_no_micro_batch_holds_a_row_twice_and_no_epoch_comes_again(
    rows, batch_size, accumulate, ranks, size, an_epoch
):
    options = {"rows": np.arange(rows), "batch_size": batch_size, "steps": 16, "accumulate": accumulate}
    shares = [list(_loader(**options, rank=rank, ranks=ranks)) for rank in range(ranks)]
    batches = [sum(_rows(parts), []) for parts in zip(*shares, strict=True)]
    assert len(batches) == 16 * accumulate == len(_loader(**options))
    assert [batch.offset for batch in shares[-1]] == [(ranks - 1) * size // ranks] * len(batches)
    assert {batch.total for batch in shares[-1]} == {size} == {len(batch) for batch in batches}
    assert len({batch.seed for batch in shares[0]}) == len(batches)
    epochs = [sum(batches[i : i + an_epoch], []) for i in range(0, len(batches), an_epoch)]
    assert all(len(set(epoch)) == len(epoch) == size * an_epoch for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1 or size == 1
    # What an epoch leaves over is not always the same.
    assert set(sum(epochs, [])) == set(range(rows))
    images = {
        (row, image.numpy().tobytes())
        for b in shares[0]
        for row, image in zip(b.row.tolist(), b.image, strict=True)
    }
    assert len(images) > 4 * rows // ranks


def test_a_samples_augmentation_differs_between_epochs_and_not_between_batches():
    def images(loader):
        return {
            int(row): image for batch in loader for row, image in zip(batch.row, batch.image, strict=True)
        }

    small, large = (images(_loader(batch_size=size, steps=50 // size)) for size in (5, 25))
    assert all(torch.equal(small[row], large[row]) for row in ROWS)
    plain = images(_loader(batch_size=5, steps=10, augment="none"))
    assert any(not torch.equal(small[row], plain[row]) for row in ROWS)
    second = images(_loader(batch_size=5, steps=20))
    assert any(not torch.equal(small[row], second[row]) for row in ROWS)


def test_what_cannot_be_shared_out_is_an_error():
    with pytest.raises(UserError, match="batch_size 16 cannot be shared equally among 3 workers"):
        _loader(ranks=3)
    with pytest.raises(UserError, match="batch_size 0"):
        _loader(batch_size=0)
    with pytest.raises(UserError, match="batch_size 16 cannot be shared equally among 2 workers x 3 micro"):
        _loader(ranks=2, accumulate=3)
    with pytest.raises(UserError, match="no training rows"):
        _loader(rows=np.empty(0, np.int64))
    with pytest.raises(UserError, match="3 training rows cannot be shared among 4 workers: allowed are 4"):
        _loader(rows=np.arange(3), ranks=4)


def test_a_bad_record_is_raised_and_no_thread_is_left():
    before = threading.active_count()
    with pytest.raises(BadRecord, match="record 7") as error, _loader(_stream(_Broken)) as loader:
        for _ in loader:
            pass
    assert error.value.row in (7, 37)
    assert threading.active_count() == before


def test_skip_bad_replaces_the_same_way_on_all_ranks():
    def walk(**options):
        loader = _loader(_stream(_Broken, skip_bad=True), **options)
        return list(loader)

    whole = walk(batch_size=10)
    rows = torch.cat([batch.row for batch in whole])
    assert not np.isin(rows, [7, 37]).any()
    reader = RowReader(_stream(_Broken, skip_bad=True))
    stands_in = reader.read(np.array([7, 37])).rows
    # Twice an epoch: its own turn and that of the broken one of its label.
    assert np.bincount(rows)[stands_in].tolist() == [4, 4]
    assert reader.labels(stands_in).tolist() == reader.labels(np.array([7, 37])).tolist()
    for batch, left, right in zip(
        whole, *(walk(batch_size=10, rank=r, ranks=2) for r in range(2)), strict=True
    ):
        assert torch.equal(torch.cat([left.image, right.image]), batch.image)


def test_leaving_early_stops_the_threads():
    before = threading.active_count()
    with _loader() as loader:
        next(iter(loader))
        assert threading.active_count() > before
    assert threading.active_count() == before


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_evaluation_walks_a_split_once_in_order(ranks):
    split = _stream().tasks[0].splits["train"]
    parts = [list(eval_batches(split, batch_size=4, rank=rank, ranks=ranks)) for rank in range(ranks)]
    assert all(batch.seed % ranks == rank for rank, part in enumerate(parts) for batch in part)
    batches = sorted((batch for part in parts for batch in part), key=lambda batch: batch.seed)
    # Whole batches, the same whatever the number of ranks: scores may depend on the others in a batch.
    assert [len(batch) for batch in batches] == [4] * 7 + [2]
    assert [(batch.seed, batch.offset, batch.total) for batch in batches] == [
        (number, 0, len(batch)) for number, batch in enumerate(batches)
    ]
    assert torch.cat([batch.row for batch in batches]).tolist() == list(range(30))
    image = torch.cat([batch.image for batch in batches]).permute(0, 2, 3, 1)
    assert np.array_equal(image.numpy(), split.pictures.array)
    assert np.array_equal(torch.cat([batch.tokens for batch in batches]).numpy(), split.tokens)
    assert np.array_equal(torch.cat([batch.label for batch in batches]).numpy(), split.label)


def test_a_rank_may_have_nothing_to_evaluate():
    whole = _stream().tasks[0].splits["train"]
    split = Split(ArrayPictures(whole.pictures.array[:1]), whole.tokens[:1], whole.label[:1])
    assert [len(list(eval_batches(split, batch_size=4, rank=r, ranks=2))) for r in range(2)] == [1, 0]


def test_evaluating_training_rows_pairs_a_substitute_with_its_own_caption():
    stream = _stream(_Broken, skip_bad=True)
    reader = RowReader(stream)
    (other,) = reader.read(np.array([7])).rows.tolist()
    (batch,) = eval_batches(reader.split(np.array([6, 7, other, 9])), batch_size=4)
    assert batch.row.tolist() == [0, 1, 2, 3]
    # And where a split has its own substitute, as one that is shared from disk.
    whole = stream.tasks[0].splits["train"]
    kept = SubstitutePictures.of_labels(whole.pictures, "retrieval", whole.label)
    (every,) = eval_batches(replace(whole, pictures=kept), batch_size=30)
    for name in ("image", "tokens", "label"):
        assert torch.equal(getattr(batch, name)[1], getattr(batch, name)[2])
        assert torch.equal(getattr(every, name)[7], getattr(every, name)[other])
    assert np.array_equal(every.tokens[7].numpy(), whole.tokens[other])


def test_pinning():
    if not torch.cuda.is_available():
        pytest.skip("page-locked memory needs a GPU")
    batch = next(iter(_loader(pin=True)))
    assert all(getattr(batch, name).is_pinned() for name in ("image", "tokens", "label", "row"))


class _Marked:
    """Rows whose features are (row, view). The rows had other numbers before bad records were left out."""

    views = 3

    def __init__(self, encoded):
        self.encoded = encoded

    def origin(self, rows):
        return rows + 100

    def read(self, rows, views=None, crops=None):
        feature = None if views is None else np.stack([rows, views], 1).astype(np.float32)
        pictures = None if self.encoded else np.zeros((len(rows), SIZE, SIZE, 3), np.uint8)
        return Samples(
            pictures, np.zeros((len(rows), 1), np.int32), np.zeros(len(rows), np.int32), rows, feature
        )


def test_a_batch_has_the_view_that_seed_epoch_and_row_choose():
    how = {"batch_size": 4, "steps": 4, "seed": 9, "augment": "none"}
    with Loader(_Marked(encoded=True), np.arange(8), **how) as batches:
        found = [batch.feature.long().tolist() for batch in batches]
    assert len(found) == 4, "two epochs"
    for number, pairs in enumerate(found):
        rows = np.array([row for row, _ in pairs])
        chosen = hashed(9, number // 2, rows, 0) % np.uint64(3)
        assert [view for _, view in pairs] == chosen.tolist()
    assert {view for pairs in found for _, view in pairs} == {0, 1, 2}


def test_a_views_augmentation_goes_by_the_rows_own_number(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "orchestrator.data.loader.augment_view",
        lambda name, pictures, rows, view: asked.append((rows.tolist(), view.tolist())) or pictures,
    )
    how = {"batch_size": 8, "steps": 1, "seed": 9, "augment": "flip", "views": 3, "threads": 1}
    with Loader(_Marked(encoded=False), np.arange(8), **how) as batches:
        (batch,) = batches
    rows = batch.row.numpy()
    view = (hashed(9, 0, rows, 0) % np.uint64(3)).astype(np.int64)
    assert asked == [((rows + 100).tolist(), view.tolist())]
