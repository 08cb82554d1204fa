"""Small HDF5 files that claim much, or that lead to other files."""

import h5py
import numpy as np
import pytest

from orchestrator.errors import BadRecord, UserError
from orchestrator.features.cache_entry import CacheEntry
from orchestrator.streams.pictures import MotionPictures, RegionPictures, h5_file
from orchestrator.streams.vqa.files.features import motion_places, region_names

_LIMIT = 2**28


@pytest.fixture
def small_limit(monkeypatch):
    """A lower limit, so that files need not be large."""
    monkeypatch.setattr(h5_file, "_MOST", 2**22)
    return 2**22


def _regions(path, features):
    """A file with a picture ``p``; ``features(group)`` puts its features in."""
    with h5py.File(path, "w") as file:
        group = file.create_group("p")
        features(group)
        group["boxes"] = np.full((4, 4), 0.5, np.float32)
        group["img_w"] = group["img_h"] = 1
    return str(path)


def _chunked(group, name, shape, chunk, **options):
    made = group.create_dataset(
        name, shape, "f4", chunks=chunk, maxshape=(None,) * len(shape), compression="gzip", **options
    )
    made[(0,) * len(shape)] = 1.0  # the whole chunk is written, of zeros
    return made


def _external(path):
    def features(group):
        group.create_dataset("features", (4, 6), "f4", external=[(str(path), 0, 96)])

    return features


def _virtual(path):
    def features(group):
        layout = h5py.VirtualLayout((4, 6), "f4")
        layout[:] = h5py.VirtualSource(str(path), "secret", (4, 6))
        group.create_virtual_dataset("features", layout)

    return features


def _linked(path):
    def features(group):
        group["features"] = h5py.ExternalLink(str(path), "secret")

    return features


@pytest.mark.parametrize("kind", [_external, _virtual, _linked])
def test_numbers_of_another_file_are_not_read(tmp_path, kind):
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.full((4, 6), 7, np.float32)
    path = _regions(tmp_path / "f.h5", kind(secret))
    with pytest.raises(BadRecord, match="picture 'p': lies in another file, allowed: ") as caught:
        RegionPictures([path], [0], ["p"], (4, 6)).read(np.array([0]))
    assert caught.value.row == 0
    with pytest.raises(UserError, match=r"f.h5: cannot be read \(lies in another file\)"):
        region_names(path)


def test_a_chunk_that_is_larger_than_what_is_read_counts(tmp_path, small_limit):
    sizes = {}
    for name, rows in (("large", small_limit // 16 + 1), ("fits", small_limit // 16)):
        path = _regions(tmp_path / f"{name}.h5", lambda g, n=rows: _chunked(g, "features", (1, 4), (n, 4)))
        sizes[name] = (tmp_path / f"{name}.h5").stat().st_size
        pictures = RegionPictures([path], [0], ["p"], (1, 4))
        if name == "fits":
            with pytest.raises(BadRecord, match=r"boxes has shape \(4, 4\)"):
                pictures.read(np.array([0]))
            assert region_names(path) == ({"p"}, (1, 4))
            continue
        with pytest.raises(
            BadRecord, match=f"takes {small_limit + 16} bytes to read, more than {small_limit}"
        ):
            pictures.read(np.array([0]))
        with pytest.raises(UserError, match=f"takes {small_limit + 16} bytes to read"):
            region_names(path)
    assert sizes["large"] < small_limit / 100


def test_a_shape_of_which_nothing_is_there_counts(tmp_path):
    kind = {"shape": (2**20, 2**20), "dtype": "f4", "chunks": (1, 4)}
    path = _regions(tmp_path / "f.h5", lambda group: group.create_dataset("features", **kind))
    with pytest.raises(UserError, match=f"takes {2**42} bytes to read, more than {_LIMIT}"):
        region_names(path)
    assert (tmp_path / "f.h5").stat().st_size < 20_000


@pytest.mark.parametrize(
    ("ids", "feat", "taken"),
    [
        ((2**20,), (2**20, 4, 6), 2**23),
        ((2,), (2, 2**20, 2**2), 2**24),
    ],
)
def test_videos_of_which_nothing_is_there_count(tmp_path, small_limit, ids, feat, taken):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("ids", ids, "i8", chunks=(2,))
        file.create_dataset("feat", feat, "f4", chunks=(1, 1, 2))
    with pytest.raises(UserError, match=f"takes {taken} bytes to read, more than {small_limit}"):
        motion_places(str(tmp_path / "f.h5"))
    assert (tmp_path / "f.h5").stat().st_size < 20_000


def test_a_video_is_not_read_through_a_chunk_that_is_too_large(tmp_path, small_limit):
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file["ids"] = np.array([7])
        _chunked(file, "feat", (1, 4, 6), (small_limit // 96 + 1, 4, 6))
    with pytest.raises(BadRecord, match="video '7': takes .* bytes to read"):
        MotionPictures(str(path), [0], ["7"], (4, 3)).read(np.array([0]))
    with pytest.raises(UserError, match="takes .* bytes to read"):
        motion_places(str(path))


def test_a_chunk_of_features_that_was_compressed_is_none(tmp_path):
    shelf = CacheEntry(tmp_path, {"of": "nothing"})
    shelf.start()
    path = shelf.folder / "chunks" / "000000.npz"
    np.savez(path, feature=np.zeros(2**20))
    assert shelf.chunk(0)["feature"].shape == (2**20,)
    np.savez_compressed(path, feature=np.zeros(2**20))
    assert path.stat().st_size < 2**14 and shelf.has_chunk(0) and shelf.chunk(0) is None
