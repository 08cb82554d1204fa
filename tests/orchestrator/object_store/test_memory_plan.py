import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.object_store.memory_plan import candidate_rows, memory_plan, row_bytes
from orchestrator.seeding import hashed

ROW = 8 * 8 * 3 + 6 * 4 + 4
SAMPLES = 30 + 20 + 25 + 3 * 12


def _plan(stream, store_bytes, largest=10, seeds=(0,), **options):
    return memory_plan(stream, largest=largest, store_bytes=store_bytes, seeds=seeds, **options)


def test_a_stream_that_fits_is_kept_in_memory(array_stream):
    assert row_bytes(array_stream) == ROW
    found = _plan(array_stream, int(SAMPLES * ROW / 0.8) + 1)
    assert (found.mode, found.all_bytes) == ("resident", SAMPLES * ROW)
    assert found.explain() == (
        "stream in memory: 24.4 kB decoded, 24.4 kB of the object store may be used; it fits "
        "(run.stream_in=disk reads it from disk instead)"
    )


def test_a_stream_that_does_not_fit_is_read_from_disk(array_stream):
    found = _plan(array_stream, 20_000)
    # The last task is never replayed: ten candidates of two tasks.
    assert (found.mode, found.disk_bytes) == ("disk", SAMPLES * 28 + 20 * 192)
    assert found.explain() == (
        "stream read from disk: 24.4 kB decoded, 16.0 kB of the object store may be used; it does not fit "
        "(run.stream_in=memory needs an object store of 30.5 kB)\n"
        "in memory: texts, and up to 10 samples a task for replay (decoded), 6.9 kB"
    )
    assert _plan(array_stream, 20_000, largest=1000).disk_bytes == SAMPLES * 28 + 50 * 192


def test_candidates_are_those_of_all_seeds(array_stream):
    rows = array_stream.train_rows(1)
    orders = {seed: np.argsort(~hashed(seed, rows)) for seed in (3, 8, 5)}
    union = {int(row) for order in orders.values() for row in order[:6]}
    assert candidate_rows(rows, [3, 8, 5], 6).tolist() == sorted(union) and 6 < len(union) < 18
    assert candidate_rows(rows, [8], 6).tolist() == sorted(orders[8][:6])
    assert candidate_rows(rows, [3, 8], 99).tolist() == list(range(20))
    assert candidate_rows(rows, [3, 8], 0).tolist() == []


def test_the_store_is_reckoned_for_the_candidates_of_all_seeds(array_stream):
    many = sum(len(candidate_rows(array_stream.train_rows(task), [0, 1, 2], 10)) for task in (0, 1))
    found = _plan(array_stream, 20_000, seeds=[2, 0, 1, 0])
    assert found.seeds == (0, 1, 2) and found.candidates == found.largest == 10
    assert found.disk_bytes == SAMPLES * 28 + many * 192 and 20 < many < 50
    assert "up to 10 samples a task for replay (decoded) under each of 3 seeds, " in found.explain()


def test_candidates_of_several_seeds_are_cut_down_to_what_fits(array_stream):
    def nbytes(most):
        tasks = (array_stream.train_rows(task) for task in (0, 1))
        return SAMPLES * 28 + 192 * sum(len(candidate_rows(rows, [0, 1, 2], most)) for rows in tasks)

    one = SAMPLES * 28 + 20 * 192
    for room in (one, nbytes(5) - 1, nbytes(5), nbytes(9), nbytes(10) - 1):
        found = _plan(array_stream, int(room / 0.8) + 1, seeds=[0, 1, 2], stream_in="disk")
        most = max(m for m in range(11) if nbytes(m) <= max(room, one))
        assert (found.candidates, found.disk_bytes) == (most, nbytes(most)) and 3 <= most < 10
    assert (
        f"up to {most} samples a task for replay (decoded) under each of 3 seeds of 10 that may be replayed, "
        "the others are read from disk, "
    ) in found.explain()
    with pytest.raises(UserError, match="20 samples that may be replayed and the texts take 6.9 kB"):
        _plan(array_stream, int(one / 0.8) - 2, seeds=[0, 1, 2], stream_in="disk")


def test_the_user_may_choose(array_stream):
    assert _plan(array_stream, 10**9, stream_in="disk").mode == "disk"
    assert "run.stream_in is disk" in _plan(array_stream, 10**9, stream_in="disk").explain()
    assert _plan(array_stream, 10**9, stream_in="memory").mode == "resident"


def test_what_cannot_fit_is_one_line_with_the_numbers(array_stream):
    with pytest.raises(UserError) as error:
        _plan(array_stream, 20_000, stream_in="memory")
    assert str(error.value) == (
        "run.stream_in=memory: stream tiny takes 24.4 kB, 16.0 kB of the object store's 20.0 kB may be used; "
        "set run.stream_in=disk, or start Ray with a larger object store"
    )
    with pytest.raises(UserError) as error:
        _plan(array_stream, 10_000, largest=100)
    assert str(error.value) == (
        "replay.size up to 100: 50 samples that may be replayed and the texts take 12.7 kB, "
        "8.0 kB of the object store's 10.0 kB may be used; "
        "set a smaller replay.size, or start Ray with a larger object store"
    )


def test_encoded_candidates_are_reckoned_by_their_files(array_stream, file_stream, tmp_path):
    with pytest.raises(UserError, match="replay.store=encoded: stream tiny has no encoded pictures"):
        _plan(array_stream, 10**9, store="encoded")
    stream = file_stream()
    for path in tmp_path.glob("pictures/*/train/*.jpg"):
        path.write_bytes(bytes(1000 if "/0/" in str(path) else 500))
    found = _plan(stream, 25_000, store="encoded")
    assert found.disk_bytes == SAMPLES * 28 + 10 * 1000 + 10 * 500
    with pytest.raises(UserError, match="set a smaller replay.size or replay.store=encoded, or start"):
        _plan(stream, 8_000)
    (tmp_path / "pictures" / "0" / "train" / "0.jpg").unlink()
    with pytest.raises(UserError, match="0/train/0.jpg"):
        _plan(stream, 25_000, store="encoded")
    stream.skip_bad = True
    assert _plan(stream, 25_000, store="encoded") == found


def test_what_is_cropped_in_its_original_size_is_read_from_disk(file_stream):
    stream = file_stream()
    plain = _plan(stream, 10**9, store="encoded", stream_in="disk")
    stream.augment = "product-original"
    found = _plan(stream, 10**9, store="encoded")
    assert (found.mode, found.originals) == ("disk", True) and found.disk_bytes == plain.disk_bytes
    assert found.explain().startswith(
        "stream read from disk: 24.4 kB decoded, 800.00 MB of the object store may be used; crops are of the "
        "original size (with stream.crop=resized run.stream_in=memory needs an object store of 30.5 kB)\n"
        "in memory: texts, and up to 10 samples a task for replay (encoded), "
    )
    said = r"stream tiny crops pictures in their original size \(stream.crop=original\), which "
    with pytest.raises(
        UserError, match=f"run.stream_in=memory: {said}are read from files; allowed: auto, disk"
    ):
        _plan(stream, 10**9, store="encoded", stream_in="memory")
    with pytest.raises(UserError, match=f"replay.store=decoded: {said}no array holds; allowed: encoded"):
        _plan(stream, 10**9)
    assert _plan(stream, 10**9, largest=0).mode == "disk", "nothing is replayed"


def test_features_are_reckoned_in_the_place_of_pictures(encoded_stream):
    stream, _ = encoded_stream
    row = (1 + 3) * 16 * 2 + 4
    assert row_bytes(stream) == row
    total = 75 * row + 36 * (16 * 2 + 4)
    found = _plan(stream, int(total / 0.8) + 1, stream_in="disk")
    assert (found.mode, found.all_bytes) == ("features", total)
    assert found.explain() == (
        "features in memory: 11.2 kB, 11.2 kB of the object store may be used; pictures are not read again "
        "(--no-feature-cache encodes every batch instead)"
    )
    with pytest.raises(UserError) as error:
        _plan(stream, total)
    assert str(error.value) == (
        "the features of stream tiny take 11.2 kB, 9.0 kB of the object store's 11.2 kB may be used; "
        "set a smaller run.views, start Ray with a larger object store, or give --no-feature-cache"
    )
