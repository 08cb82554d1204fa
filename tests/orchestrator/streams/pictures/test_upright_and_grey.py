"""Pictures that are stored in another way than they are to be seen."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image

from orchestrator.errors import BadRecord
from orchestrator.streams.pictures import FilePictures, FolderPictures
from orchestrator.streams.pictures.decode import decode

RAMP = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)


def saved(image, format, **how):
    buffer = io.BytesIO()
    image.save(buffer, format, **how)
    return buffer.getvalue()


def exif(orientation):
    found = Image.Exif()
    found[0x0112] = orientation
    return found


# Where the upper left corner of what is seen lies in what is stored, and what lies below it there.
SEEN = {
    1: ("red", "blue"),
    2: ("green", "white"),
    3: ("white", "green"),
    4: ("blue", "red"),
    5: ("red", "green"),
    6: ("blue", "white"),
    7: ("white", "blue"),
    8: ("green", "red"),
}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def quarters():
    """Stored: red and green above, blue and white below."""
    image = Image.new("RGB", (64, 64))
    for (x, y), colour in zip([(0, 0), (32, 0), (0, 32), (32, 32)], COLOURS.values(), strict=True):
        image.paste(colour, (x, y, x + 32, y + 32))
    return image


@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_a_picture_is_turned_upright(format, orientation):
    how = {"tiffinfo": {274: orientation}} if format == "TIFF" else {"exif": exif(orientation)}
    data = saved(quarters(), format, **how)
    for crop in (False, True):
        pixels = decode(data, 32, crop).astype(int)
        found = [pixels[4:12, 4:12].mean((0, 1)), pixels[20:28, 4:12].mean((0, 1))]
        for mean, name in zip(found, SEEN[orientation], strict=True):
            assert np.abs(mean - COLOURS[name]).max() < 12, name


def test_a_turned_picture_is_cropped_as_it_is_seen(tmp_path):
    image = Image.new("RGB", (90, 30))
    image.paste((255, 0, 0), (0, 0, 45, 30))
    image.save(tmp_path / "a.jpg", exif=exif(8), quality=95)
    for pictures in (FolderPictures(str(tmp_path), ["a.jpg"], 16), FilePictures(str(tmp_path), ["a"], 16)):
        found = pictures.read(np.array([0]))[0].astype(int)
        assert found[2, 8, 0] < 30 and found[13, 8, 0] > 225, "red was left, and is below"


@pytest.mark.parametrize(
    "broken", [b"no TIFF!", b"II*\0\x08\0\0\0\xff\xff\x12\x01", b"", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02"]
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_data_spoil_no_picture(broken, format):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
        found = decode(saved(quarters(), format, exif=b"Exif\0\0" + broken), 32)
    assert found[4, 4, 0] > 200 and found[4, 4, 1] < 50


def tiff(values, bits, order="<", white=1):
    """One row of grey, packed, as Pillow does not write it."""
    packed = "".join(f"{value:0{bits}b}" for value in values)
    data = bytes(int(packed[i : i + 8], 2) for i in range(0, len(packed), 8))
    if bits == 16:
        data = np.array(values, f"{order}u2").tobytes()
    tags = {256: (4, len(values)), 257: (4, 1), 258: (3, bits), 259: (3, 1), 262: (3, white), 273: (4, 8)}
    tags |= {277: (3, 1), 278: (4, 1), 279: (4, len(data))}
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(data)) + data
    out += struct.pack(f"{order}H", len(tags))
    for tag, (kind, value) in tags.items():
        body = struct.pack(f"{order}I" if kind == 4 else f"{order}H", value).ljust(4, b"\0")
        out += struct.pack(f"{order}HHI", tag, kind, 1) + body
    return out + b"\0\0\0\0"


@pytest.mark.parametrize(
    "data",
    [
        saved(Image.fromarray(RAMP), "PNG"),
        saved(Image.fromarray(RAMP), "TIFF"),
        b"P5 64 64 65535\n" + RAMP.astype(">u2").tobytes(),
        b"P2 64 64 65535\n" + " ".join(map(str, RAMP.ravel().tolist())).encode(),
    ],
    ids=["PNG", "TIFF", "PGM", "PGM in text"],
)
def test_grey_of_sixteen_bits_is_its_upper_eight(data):
    for crop in (False, True):
        found = decode(data, 64, crop)
        np.testing.assert_array_equal(found, np.repeat((RAMP >> 8)[..., None], 3, 2))


@pytest.mark.parametrize(("bits", "order"), [(12, "<"), (16, "<"), (16, ">")])
def test_grey_of_tiff_files_goes_by_its_bits_its_byte_order_and_its_white(bits, order):
    most = 2**bits - 1
    values = np.linspace(0, most, 64).round().astype(int).tolist()
    grey = [value >> (bits - 8) for value in values]
    assert decode(tiff(values, bits, order), 64)[0, :, 0].tolist() == grey
    if (bits, order) == (16, "<"):
        assert decode(tiff(values, bits, white=0), 64)[0, :, 0].tolist() == grey[::-1]


@pytest.mark.parametrize(
    ("kind", "found"), [(np.float32, "numbers with fractions"), (np.int32, "whole numbers of 32 bits")]
)
def test_numbers_whose_white_nobody_knows_are_refused_by_name(tmp_path, kind, found):
    (tmp_path / "a.jpg").write_bytes(saved(Image.fromarray((RAMP / 65535).astype(kind)), "TIFF"))
    for pictures in (FolderPictures(str(tmp_path), ["a.jpg"], 16), FilePictures(str(tmp_path), ["a"], 16)):
        with pytest.raises(BadRecord, match=f"a.jpg: cannot be decoded .its pixels are {found}, whose white"):
            pictures.read(np.array([0]))
