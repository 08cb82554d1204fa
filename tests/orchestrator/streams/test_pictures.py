import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from orchestrator.errors import BadRecord
from orchestrator.streams.pictures import ArrayPictures, EncodedPictures, FilePictures


def encoded(seed, size=(40, 40), mode="RGB", format="JPEG"):
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


@pytest.fixture
def files(tmp_path):
    kinds = [
        {},
        {"size": (30, 60)},
        {"mode": "L"},
        {"mode": "P", "format": "PNG"},
        {"mode": "CMYK"},
        {"size": (300, 300)},
    ]
    ids = ["a", "图片", "c", "d", "e", "f"]
    for seed, (name, kind) in enumerate(zip(ids, kinds, strict=True)):
        (tmp_path / f"{name}.jpg").write_bytes(encoded(seed, **kind))
    return FilePictures(str(tmp_path), ids, 16)


def flat(pictures, names=None):
    parts = pictures.read_encoded(np.arange(len(pictures)))
    offsets = np.cumsum([0] + [len(p) for p in parts])
    array = np.frombuffer(b"".join(parts), np.uint8)
    array.setflags(write=False)
    return EncodedPictures(array, offsets, pictures.size, names)


def test_files_and_their_bytes_give_the_same_pixels_in_the_order_asked_for(files):
    rows = np.array([5, 1, 1, 0, 3, 2, 4])
    read = files.read(rows)
    assert read.shape == (7, 16, 16, 3) and read.dtype == np.uint8
    np.testing.assert_array_equal(read, flat(files).read(rows))
    np.testing.assert_array_equal(read[3], files.read(np.array([0]))[0])
    np.testing.assert_array_equal(read, ArrayPictures(files.read(np.arange(6))).read(rows))
    assert (read[5][..., 0] == read[5][..., 2]).all(), "a grey picture has equal channels"


def test_a_picture_is_resized_to_a_square_as_pillow_does(files, tmp_path):
    with Image.open(tmp_path / "图片.jpg") as image:
        expected = np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(files.read(np.array([1]))[0], expected)


def test_pictures_travel_small_and_are_read_from_threads(files):
    many = FilePictures("folder", [f"{i:09d}" for i in range(10_000)], 16)
    assert len(pickle.dumps(many)) < 100_000
    again = pickle.loads(pickle.dumps(files))
    rows = np.arange(6)
    with ThreadPoolExecutor(4) as pool:
        for read in pool.map(again.read, [rows] * 8):
            np.testing.assert_array_equal(read, files.read(rows))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"no picture", lambda b: b""])
def test_a_damaged_picture_is_a_bad_record_naming_file_and_row(files, tmp_path, damage):
    path = tmp_path / "c.jpg"
    path.write_bytes(damage(path.read_bytes()))
    names = [files.path(i) for i in range(6)]
    for pictures in (files, flat(files, names)):
        with pytest.raises(BadRecord) as caught:
            pictures.read(np.array([0, 2]))
        assert caught.value.row == 2
        assert str(caught.value).startswith(f"{path}: cannot be decoded (")
        assert "\n" not in str(caught.value)


def test_a_picture_that_went_missing_is_a_bad_record(files, tmp_path):
    (tmp_path / "d.jpg").unlink()
    for read in (files.read, files.read_encoded):
        with pytest.raises(BadRecord, match="d.jpg: cannot be read") as caught:
            read(np.array([3]))
        assert caught.value.row == 3
