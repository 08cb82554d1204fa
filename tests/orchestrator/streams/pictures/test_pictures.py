import io
import os
import pickle
import re
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import InterpolationMode, functional

from orchestrator.errors import BadRecord
from orchestrator.streams.pictures import ArrayPictures, EncodedPictures, FilePictures, FolderPictures
from orchestrator.streams.pictures import decode as decoding
from orchestrator.streams.pictures.decode import MOST_PIXELS
from orchestrator.streams.pictures.subset import PictureSubset
from orchestrator.streams.pictures.substitute import SubstitutePictures
from orchestrator.streams.random_crop import CROP_DRAWS, random_crops


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


def test_a_random_crop_is_cut_out_of_the_original_size_and_then_resized(files, tmp_path):
    rows, draws = np.array([5, 1, 1, 2]), np.random.default_rng(0).random((4, CROP_DRAWS))
    draws[2:] = draws[:2]
    found = files.read_crops(rows, draws)
    for row, own, picture in zip(rows, draws, found, strict=True):
        with Image.open(files.path(row)) as image:
            whole = image.convert("RGB")
        ((top, left, height, width),) = random_crops(own[None], whole.height, whole.width)
        how = InterpolationMode.BICUBIC
        expected = functional.resized_crop(
            whole, top, left, height, width, [16, 16], how
        )  # as the authors' loader
        np.testing.assert_array_equal(picture, np.asarray(expected))
    resized = Image.fromarray(files.read(rows[:1])[0])
    ((top, left, height, width),) = random_crops(draws[:1], 16, 16)
    coarse = np.asarray(functional.resized_crop(resized, top, left, height, width, [16, 16], how))
    assert np.abs(coarse.astype(int) - found[0]).mean() > 1, "detail is lost where pictures are resized first"
    np.testing.assert_array_equal(flat(files).read_crops(rows, draws), found)
    subset = PictureSubset(files, np.array([4, 5, 1, 2]))
    np.testing.assert_array_equal(subset.read_crops(np.array([1, 2, 2, 3]), draws), found)
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    with pytest.raises(BadRecord, match="c.jpg: cannot be decoded") as error:
        subset.read_crops(np.array([1, 3]), draws[:2])
    assert error.value.row == 3
    (tmp_path / "图片.jpg").write_bytes(b"no picture")
    substitutes = SubstitutePictures(files, [np.array([0, 0, 1, 0, 0, 0])])
    pictures, taken = substitutes.take(np.array([5, 1]), draws[:2])
    assert taken.tolist() == [5, 3]
    np.testing.assert_array_equal(pictures[1], files.read_crops(np.array([3]), draws[1:2])[0])


def test_of_decoded_pictures_no_crop_is_of_the_original_size(files):
    decoded = PictureSubset(ArrayPictures(files.read(np.arange(6))), np.arange(6))
    with pytest.raises(TypeError, match="ArrayPictures has no pictures in their original size"):
        decoded.read_crops(np.array([1]), np.zeros((1, CROP_DRAWS)))


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


def bomb(size):
    """A whole picture of black pixels, whose file is a few kilobytes. Pillow would hold each in a byte."""
    width, height = size
    rows = zlib.compress(bytes(height * (1 + -(-width // 8))))  # each begins with its filter, which is none
    file = b"\x89PNG\r\n\x1a\n"
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    for name, data in ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")):
        file += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return file


# On either side of the most pixels (89 478 485 = 3 * 5 * 5 965 232.3), and of the longest side.
_MANY, _LONG = (8_460, 10_577), (65_536, 1)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("size", "found"),
    [
        (_MANY, f"8460 x 10577 pixels, more than {MOST_PIXELS}"),
        ((20_000, 20_000), f"more than {MOST_PIXELS} pixels"),
        (_LONG, "65536 x 1 pixels, a side of more than 65535"),
        ((1, 65_536), "1 x 65536 pixels, a side of more than 65535"),
    ],
    ids=["many", "twice as many", "long", "high"],
)
def test_a_small_file_of_more_pixels_than_a_picture_has_is_a_bad_record(files, tmp_path, size, found):
    data = bomb(size)
    assert len(data) < 60_000
    path = tmp_path / "c.jpg"
    path.write_bytes(data)
    names = [files.path(i) for i in range(6)]
    folder = FolderPictures(str(tmp_path), [f"{name}.jpg" for name in "acd"], 16)
    for pictures, row in ((files, 2), (flat(files, names), 2), (folder, 1)):
        with pytest.raises(BadRecord, match=f"^{path}: cannot be decoded .{re.escape(found)}") as caught:
            pictures.read(np.array([0, row]))
        assert caught.value.row == row and "\n" not in str(caught.value)


def test_the_most_pixels_are_read_and_one_row_more_is_not(monkeypatch):
    monkeypatch.setattr(decoding, "MOST_PIXELS", 40 * 30)
    assert decoding.decode(bomb((40, 30)), 8).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="40 x 31 pixels, more than 1200"):
        decoding.decode(bomb((40, 31)), 8)
    monkeypatch.setattr(decoding, "LONGEST_SIDE", 40)
    assert decoding.decode(bomb((40, 1)), 8).shape == (8, 8, 3)
    with pytest.raises(ValueError, match="41 x 1 pixels, a side of more than 40"):
        decoding.decode(bomb((41, 1)), 8)


@pytest.mark.parametrize("size", [(60_000, 8), (8, 60_000), (1784, 1), (1, 3000), (2, 20_001)])
def test_a_thin_picture_does_not_grow_without_end_when_its_short_side_is_resized(size, monkeypatch):
    """To 224 pixels 60,000 x 8 are 1.68 million in length, 1.5 GB of them."""
    sizes, resize = [], functional.resize
    monkeypatch.setattr(functional, "resize", lambda image, *a: sizes.append(image.size) or resize(image, *a))
    assert decoding.decode(bomb(size), 224, crop=True).shape == (224, 224, 3)
    assert min(sizes[0]) == min(size) and max(sizes[0]) in (8 * min(size), 8 * min(size) + 1)
    assert decoding.decode(bomb(size), 224).shape == (224, 224, 3), "both sides are resized to the same"
    sizes.clear()
    # 4096 pixels square take half of the most, so that 5 of them are resized, not 8.
    monkeypatch.setattr(functional, "resize", lambda image, *a: sizes.append(image.size) or image)
    monkeypatch.setattr(functional, "center_crop", lambda image, size: image)
    decoding.decode(bomb(size), 4096, crop=True)
    assert max(sizes[0]) in (5 * min(size), 5 * min(size) + 1)


@pytest.mark.parametrize("size", [(7, 400), (401, 6), (64, 8)])
def test_the_middle_of_a_thin_picture_is_what_is_left_of_the_whole(size):
    # A wave of forty pixels, steepest in the middle: half a pixel beside it are eight levels.
    y, x = np.indices(size[::-1])
    wave = 128 + 100 * np.sin((x + y - max(size) / 2) * (2 * np.pi / 40))
    pixels = np.repeat(wave.astype(np.uint8)[..., None], 3, 2)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    whole = functional.resize(Image.fromarray(pixels), 32, functional.InterpolationMode.BICUBIC)
    expected = np.asarray(functional.center_crop(whole, 32)).astype(int)
    found = decoding.decode(buffer.getvalue(), 32, crop=True)
    assert np.abs(found - expected).max() <= 3


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM"])
def test_what_pictures_are_kept_in_is_read_whatever_the_ending(tmp_path, format):
    data = encoded(3, format=format)
    (tmp_path / "a.jpg").write_bytes(data)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB").resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(FilePictures(str(tmp_path), ["a"], 16).read(np.array([0]))[0], expected)


@pytest.mark.parametrize("format", ["EPS", "ICO", "TGA"])
def test_a_format_that_starts_a_program_or_hides_its_size_is_none(format):
    with pytest.raises(ValueError, match="not a picture of a known format"):
        decoding.decode(encoded(3, format=format), 16)


def test_what_is_no_file_and_a_file_longer_than_a_picture_are_bad_records(files, tmp_path):
    os.mkfifo(tmp_path / "c2.jpg")
    with open(tmp_path / "d2.jpg", "wb") as file:
        file.truncate(2**40)  # takes no space
    (tmp_path / "e2.jpg").symlink_to("/dev/null")
    names = ["a", "c2", "d2", "e2"]
    flat_ones = FilePictures(str(tmp_path), names, 16)
    cropped = FolderPictures(str(tmp_path), [f"{name}.jpg" for name in names], 16)
    for row, found in ((1, "is no file"), (2, f"has {2**40} bytes, more than"), (3, "is no file")):
        for read in (flat_ones.read, flat_ones.read_encoded, cropped.read):
            with pytest.raises(BadRecord, match=f"{names[row]}.jpg: cannot be read .{found}") as caught:
                read(np.array([0, row]))
            assert caught.value.row == row


@pytest.mark.parametrize(("most", "at_once"), [(1199, 1), (1200, 4)])
def test_large_pictures_are_decoded_one_at_a_time_and_others_side_by_side(monkeypatch, most, at_once):
    monkeypatch.setattr(decoding, "_LARGE", most)
    together, counts, convert = threading.Barrier(at_once), [0], Image.Image.convert
    lock, found = threading.Lock(), []

    def watched(self, *args):
        with lock:
            counts[0] += 1
            found.append(counts[0])
        together.wait(20)
        try:
            return convert(self, *args)
        finally:
            together.wait(20)
            with lock:
                counts[0] -= 1

    monkeypatch.setattr(Image.Image, "convert", watched)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda data: decoding.decode(data, 8), [bomb((40, 30))] * 4))
    assert max(found) == at_once
