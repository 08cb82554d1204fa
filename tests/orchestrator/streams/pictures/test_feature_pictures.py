import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from orchestrator.errors import BadRecord, UserError
from orchestrator.streams.pictures import MotionPictures, RegionPictures

SHAPE = (4, 6)
NAMES = ["COCO_train2014_000000000001", "COCO_val2014_000000000002", "写真"]


def region(number):
    rng = np.random.default_rng(number)
    corner, far = rng.uniform(0, 50, (4, 2)), rng.uniform(50, 100, (4, 2))
    boxes = np.concatenate([corner, far], 1).astype(np.float32)
    return {
        "features": rng.normal(size=SHAPE).astype(np.float32),
        "boxes": boxes,
        "img_w": np.int64(200),
        "img_h": np.int64(100),
    }


def write(path, groups):
    with h5py.File(path, "w") as file:
        for name, columns in groups.items():
            for column, value in columns.items():
                file[f"{name}/{column}"] = value
    return str(path)


@pytest.fixture
def pictures(tmp_path):
    """Rows 0, 1, 2 are the names; row 3 is the first again."""
    train = write(tmp_path / "train.h5", {NAMES[0]: region(0)})
    val = write(tmp_path / "val.h5", {NAMES[1]: region(1), NAMES[2]: region(2)})
    return RegionPictures((train, val), [0, 1, 1, 0], [*NAMES, NAMES[0]], SHAPE)


def test_regions_are_features_then_boxes_in_parts_of_the_sides(pictures):
    read = pictures.read(np.array([2, 0]))
    assert read.shape == (2, 4, 10) and read.dtype == np.float32 and len(pictures) == 4
    for row, number in ((0, 2), (1, 0)):
        np.testing.assert_array_equal(read[row, :, :6], region(number)["features"])
        np.testing.assert_allclose(
            read[row, :, 6:], region(number)["boxes"] / [200, 100, 200, 100], rtol=1e-6
        )
    assert pictures.read(np.array([], np.int64)).shape == (0, 4, 10)


@pytest.mark.parametrize("whole", [[0, 0, 1, 1], [0, 0, 1, 0.25]])
def test_boxes_that_are_in_parts_already_are_not_divided_again(tmp_path, whole):
    parts = region(0)["boxes"] / np.float32([200, 100, 200, 100])
    parts[0] = whole
    path = write(tmp_path / "f.h5", {NAMES[0]: {**region(0), "boxes": parts}})
    read = RegionPictures([path], [0], NAMES[:1], SHAPE).read(np.array([0]))
    np.testing.assert_allclose(read[0, :, 6:], parts, rtol=1e-6)


def test_a_picture_that_several_rows_ask_for_is_read_once(pictures, monkeypatch):
    asked = []
    whole = RegionPictures._fill
    monkeypatch.setattr(
        RegionPictures,
        "_fill",
        lambda self, file, name, out: (asked.append(name), whole(self, file, name, out)),
    )
    read = pictures.read(np.array([3, 0, 1, 0]))
    assert asked == [NAMES[0], NAMES[1]]
    np.testing.assert_array_equal(read[0], read[1])
    np.testing.assert_array_equal(read[3], pictures.read(np.array([0]))[0])


def test_region_pictures_travel_small_and_unopened_and_are_read_from_threads(pictures):
    rows = np.array([0, 1, 2, 3, 1])
    expected = pictures.read(rows)
    again = pickle.loads(pickle.dumps(pictures))
    with ThreadPoolExecutor(4) as pool:
        for read in pool.map(again.read, [rows] * 16):
            np.testing.assert_array_equal(read, expected)
    many = RegionPictures(
        pictures.files, [0] * 10_000, [f"COCO_train2014_{i:012d}" for i in range(10_000)], SHAPE
    )
    assert len(pickle.dumps(many)) < 300_000


def test_memory_does_not_grow_with_what_has_been_read(tmp_path):
    # Half a megabyte a picture, 40 of them: a reader that keeps them holds 20 MB.
    big = {f"p{i}": {**region(i), "features": np.full((4, 32768), i, np.float32)} for i in range(40)}
    pictures = RegionPictures([write(tmp_path / "big.h5", big)], [0] * 40, list(big), (4, 32768))
    psutil = pytest.importorskip("psutil")
    pictures.read(np.array([0]))
    before = psutil.Process().memory_info().rss
    for row in range(40):
        assert pictures.read(np.array([row]))[0, 0, 0] == row
    assert psutil.Process().memory_info().rss - before < 8e6


def without(column):
    return {k: v for k, v in region(1).items() if k != column}


def with_one(number):
    features = np.zeros(SHAPE)
    features[2, 3] = number
    return features


@pytest.mark.parametrize(
    ("damaged", "found"),
    [
        (None, "is not in the file"),
        (without("features"), "has no features"),
        (without("boxes"), "has no boxes"),
        (without("img_w"), "has no img_w"),
        ({**region(1), "features": np.zeros((4, 5))}, r"features has shape \(4, 5\)"),
        ({**region(1), "boxes": np.zeros((3, 4))}, r"boxes has shape \(3, 4\)"),
        ({**region(1), "img_h": 0}, "img_h is 0"),
        ({**region(1), "img_w": np.nan}, "img_w is nan"),
        ({**region(1), "boxes": np.full((4, 4), 150)}, "a box reaches outside the picture"),
        ({**region(1), "boxes": np.full((4, 4), -0.5)}, "a box reaches outside the picture"),
        ({**region(1), "boxes": np.tile([90.0, 0, 50, 20], (4, 1))}, "a box ends before it begins"),
        ({**region(1), "boxes": np.tile([0.9, 0, 0.5, 0.2], (4, 1))}, "a box ends before it begins"),
        ({**region(1), "boxes": np.zeros((4, 4))}, "none of its boxes has an extent"),
        ({**region(1), "boxes": np.tile([50, 0, 50, 20], (4, 1))}, "none of its boxes has an extent"),
        ({**region(1), "boxes": np.full((4, 4), np.nan)}, "boxes holds NaN or infinity"),
        ({**region(1), "features": with_one(np.nan)}, "features holds NaN or infinity"),
        ({**region(1), "features": with_one(-np.inf)}, "features holds NaN or infinity"),
        ({**region(1), "features": with_one(1e300)}, "features holds NaN or infinity"),
        ({**region(1), "features": np.full(SHAPE, b"x")}, "conversion path"),
    ],
)
def test_a_damaged_picture_is_a_bad_record_naming_file_picture_and_row(tmp_path, damaged, found):
    groups = {NAMES[0]: region(0)} | ({} if damaged is None else {NAMES[1]: damaged})
    path = write(tmp_path / "f.h5", groups)
    with pytest.raises(BadRecord, match=f"^{path}: picture '{NAMES[1]}': .*{found}.*, allowed: ") as caught:
        RegionPictures([path], [0, 0], NAMES[:2], SHAPE).read(np.array([0, 1]))
    assert caught.value.row == 1 and "\n" not in str(caught.value)


def test_features_cut_off_on_disk_are_a_bad_record(tmp_path):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        for name, value in region(0).items():
            if name == "features":
                file.create_dataset(f"{NAMES[0]}/{name}", data=value, chunks=SHAPE, fletcher32=True)
            else:
                file[f"{NAMES[0]}/{name}"] = value
        place = file[f"{NAMES[0]}/features"].id.get_chunk_info(0).byte_offset
    whole = bytearray(path.read_bytes())
    whole[place : place + 8] = b"\xff" * 8
    path.write_bytes(whole)
    with pytest.raises(BadRecord, match=f"^{path}: picture '{NAMES[0]}': .*, allowed: ") as caught:
        RegionPictures([str(path)], [0], NAMES[:1], SHAPE).read(np.array([0]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        lambda path: path.write_bytes(b"no HDF5"),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
)
def test_a_file_cut_short_or_missing_is_one_line_also_after_it_was_open(pictures, tmp_path, damage):
    pictures.read(np.array([1]))
    damage(tmp_path / "val.h5")
    with pytest.raises(
        UserError, match=r"val.h5: cannot be read \(.*\), allowed: a whole HDF5 file"
    ) as caught:
        pictures.read(np.array([1]))
    assert not isinstance(caught.value, BadRecord) and "\n" not in str(caught.value)


@pytest.fixture
def videos(tmp_path):
    path = tmp_path / "app_mot_train.h5"
    with h5py.File(path, "w") as file:
        file["ids"] = np.array([7, 8, 9])
        file["feat"] = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    return MotionPictures(str(path), [2, 0, 2], ["9", "7", "9"], (4, 3))


def test_videos_are_their_motion_half_and_fill_the_picture(videos):
    read = pickle.loads(pickle.dumps(videos)).read(np.array([0, 1, 2]))
    feat = np.arange(3 * 4 * 6, dtype=np.float32).reshape(3, 4, 6)
    assert read.shape == (3, 4, 7) and read.dtype == np.float32 and len(videos) == 3
    np.testing.assert_array_equal(read[:, :, :3], feat[[2, 0, 2], :, 3:])
    np.testing.assert_array_equal(read[:, :, 3:], np.broadcast_to([0, 0, 1, 1], (3, 4, 4)))


def test_a_video_outside_the_file_is_a_bad_record(videos):
    far = MotionPictures(videos.path, [0, 5], ["7", "12"], (4, 3))
    with pytest.raises(BadRecord, match="app_mot_train.h5: video '12': .*, allowed: feat") as caught:
        far.read(np.array([0, 1]))
    assert caught.value.row == 1


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_video_that_is_not_finite_is_a_bad_record_that_names_it(videos, number):
    with h5py.File(videos.path, "a") as file:
        file["feat"][0, 2, 4] = number
        file["feat"][2, 0, 1] = number  # of the half that is not read
    assert np.isfinite(videos.read(np.array([0, 2]))).all()
    with pytest.raises(
        BadRecord, match="app_mot_train.h5: video '7': .* NaN or infinity, allowed: .*finite$"
    ) as e:
        videos.read(np.array([0, 1]))
    assert e.value.row == 1
