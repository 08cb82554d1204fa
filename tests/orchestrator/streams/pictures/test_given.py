"""Pictures that a program hands over are read as a stream's own files are."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from orchestrator.errors import BadRecord
from orchestrator.streams.pictures.decode import decode
from orchestrator.streams.pictures.given import GivenPictures

_ALL = np.arange


@pytest.fixture
def wide(tmp_path):
    """A picture twice as wide as high, black, white in its middle half: an image, an array and a file."""
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, 4:12] = 255
    image = Image.fromarray(pixels)
    image.save(tmp_path / "a.png")
    return image, pixels, tmp_path / "a.png"


@pytest.mark.parametrize("crop", [False, True])
def test_they_are_resized_or_cropped_as_a_file_is(wide, crop):
    read = GivenPictures(wide, (8, 8, 3), np.uint8, crop).read(_ALL(3))
    expected = decode(wide[2].read_bytes(), 8, crop)
    assert read.dtype == np.uint8 and all(np.array_equal(one, expected) for one in read)
    assert bool(expected.min() == 255) is crop, "the middle alone, or all of it"


def test_rows_are_read_in_the_order_in_which_they_are_asked_for(wide):
    other = np.full((8, 8, 3), 7, np.uint8)
    given = GivenPictures([wide[0], other], (8, 8, 3), np.uint8, False)
    first, second = given.read(np.array([1, 0]))
    assert np.array_equal(first, other) and second.max() == 255 and len(given) == 2


@pytest.mark.parametrize("mode", ["CMYK", "L", "RGBA", "YCbCr", "P", "1"])
def test_an_image_of_any_mode_is_read(wide, mode):
    (found,) = GivenPictures([wide[0].convert(mode)], (8, 8, 3), np.uint8, False).read(_ALL(1))
    assert found[0, 0].max() < 60 and found[0, 4].min() > 195


def test_regions_are_taken_as_they_are_and_nothing_else_is():
    regions = np.random.default_rng(0).random((3, 9), np.float32)
    given = GivenPictures([regions, regions[:2], "a.jpg"], (3, 9), np.float32, False)
    assert np.array_equal(given.read(_ALL(1))[0], regions)
    for row, words in ((1, r"float32 \(2, 9\); allowed: an array of float32 \(3, 9\)"), (2, "it is 'a.jpg'")):
        with pytest.raises(BadRecord, match=words) as raised:
            given.read(np.array([row]))
        assert raised.value.row == row


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_an_image_that_was_opened_is_turned_upright_as_its_file_is(tmp_path, mode):
    grey = (np.arange(128).reshape(8, 16) * 256).astype(np.uint16)
    image = Image.fromarray(grey) if mode == "I;16" else Image.fromarray((grey >> 8).astype(np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as opened:
        given = GivenPictures([opened, tmp_path / "a.png"], (8, 8, 3), np.uint8, False).read(_ALL(2))
    assert np.array_equal(*given) and given[0][0, 0].max() > given[0][0, -1].max()


@pytest.mark.parametrize("turned", ["6", "x" * 9, 0, 9, 99_999])
def test_an_orientation_that_is_none_turns_nothing(wide, turned):
    image = wide[0].copy()
    image.getexif()[ExifTags.Base.Orientation] = turned
    found = GivenPictures([image, wide[0]], (8, 8, 3), np.uint8, False).read(_ALL(2))
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.full((8, 8, 3), 300, np.uint16), r"uint16 \(8, 8, 3\)"),
        (
            Image.fromarray(np.full((8, 8), 0.5, np.float32)),
            "numbers with fractions, whose white is not known",
        ),
        (Image.fromarray(np.full((8, 8), 70_000, np.int32)), "whole numbers of 32 bits, whose white is not"),
    ],
)
def test_numbers_that_would_be_cut_are_refused(picture, words):
    with pytest.raises(BadRecord, match=words):
        GivenPictures([picture], (8, 8, 3), np.uint8, False).read(_ALL(1))
