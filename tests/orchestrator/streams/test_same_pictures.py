import numpy as np
import pytest

from orchestrator.streams import same_pictures as comparing
from orchestrator.streams.pictures import ArrayPictures, FolderPictures
from orchestrator.streams.same_pictures import same_pictures
from orchestrator.streams.source import SplitSource, TaskSource

BLOCK = 10_000


def content(seed, size=BLOCK):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8).tobytes()


def task(root, **splits):
    """A task of files. The files of each split are given by the split's name."""
    sources = {}
    for split, files in splits.items():
        for name, data in files.items():
            (root / name).write_bytes(data)
        pictures = FolderPictures(str(root), list(files), 16)
        sources[split] = SplitSource(pictures, [], np.zeros(len(files), np.int32), list(files))
    return TaskSource("t", sources)


def test_pictures_that_are_trained_on_and_tested_on_are_counted(tmp_path):
    one = task(
        tmp_path,
        train={"a": content(0), "b": content(1), "c": content(2, 500), "d": b""},
        validation={"v": content(3)},
        test={"x": content(9), "y": content(1), "z": b""},
    )
    # Of another task, and of the same size as others.
    other = task(
        tmp_path,
        train={"e": content(4)},
        validation={"w": content(0)},
        test={"u": content(2, 500), "t": content(3)},
    )
    assert list(same_pictures([one, other])) == [
        f"1 of 2 validation pictures are training pictures as well, byte for byte, such as {tmp_path}/w, "
        f"which is {tmp_path}/a",
        "3 of 5 test pictures are training or validation pictures as well, byte for byte, such as "
        f"{tmp_path}/y, which is {tmp_path}/b",
    ]


@pytest.mark.parametrize("place", [0, BLOCK // 2, BLOCK - 1])
def test_pictures_that_differ_in_one_byte_are_not_the_same(tmp_path, place):
    data = bytearray(content(0))
    data[place] ^= 1
    found = task(tmp_path, train={"a": content(0)}, validation={"v": b"v"}, test={"x": bytes(data)})
    assert list(same_pictures([found])) == []


def test_no_more_is_read_than_a_second_or_two_takes_and_the_line_says_so(tmp_path, monkeypatch):
    files = {split: {f"{split}{i}": content(i) for i in range(8)} for split in ("train", "test")}
    found = task(tmp_path, train=files["train"], test=files["test"])
    read = []
    whole = comparing._whole
    monkeypatch.setattr(comparing, "_whole", lambda path: read.append(path) or whole(path))
    monkeypatch.setattr(comparing, "_MOST_READ", 16 * BLOCK)
    assert [line[:26] for line in same_pictures([found])] == ["8 of 8 test pictures are t"]
    assert len(read) == 16
    read.clear()
    # Four pairs: the pieces of all sixteen would be read, which are of equal size.
    monkeypatch.setattr(comparing, "_MOST_READ", 8 * BLOCK)
    assert [line[:35] for line in same_pictures([found])] == ["4 of 4 compared test pictures are t"]
    assert len(read) == 8
    monkeypatch.setattr(comparing, "_MOST_READ", 100)
    assert list(same_pictures([found])) == []


def test_pictures_without_files_and_files_that_went_missing_are_passed_over(tmp_path):
    found = task(tmp_path, train={"a": content(0)}, test={"x": content(0), "y": content(0)})
    (tmp_path / "x").unlink()
    assert [line[:7] for line in same_pictures([found])] == ["1 of 2 "]
    drawn = ArrayPictures(np.zeros((2, 4, 4, 3), np.uint8))
    split = SplitSource(drawn, [], np.zeros(2, np.int32), ["0", "1"])
    assert list(same_pictures([TaskSource("t", {"train": split, "test": split})])) == []
