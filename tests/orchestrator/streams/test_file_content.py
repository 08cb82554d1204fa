import os
import shutil

import pytest

from orchestrator.streams import file_content as module
from orchestrator.streams.file_content import file_content


def files(folder, *contents):
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(contents):
        (folder / f"{number}.jpg").write_bytes(content)
    return [str(folder / f"{number}.jpg") for number in range(len(contents))]


@pytest.mark.parametrize("large", [False, True])
def test_it_tells_other_bytes_sizes_orders_and_numbers_of_files(tmp_path, monkeypatch, large):
    if large:
        monkeypatch.setattr(module, "_READ_WHOLE", 3)
    paths = files(tmp_path / "a", b"aa", b"bbb", b"")
    for path in paths:
        os.utime(path, ns=(0, 10**18))
    first = file_content(paths)
    assert first == file_content(paths) == file_content(iter(paths))
    found = {first, file_content(paths[::-1]), file_content(paths[:2]), file_content([*paths, paths[0]])}
    (tmp_path / "a" / "0.jpg").write_bytes(b"ab")
    found.add(file_content(paths))
    (tmp_path / "a" / "0.jpg").write_bytes(b"abc")
    found.add(file_content(paths))
    (tmp_path / "a" / "0.jpg").unlink()
    found.add(file_content(paths))
    assert len(found) == 7


def test_small_data_is_known_by_its_bytes_wherever_it_lies_and_whenever_it_was_written(tmp_path):
    paths = files(tmp_path / "a", b"aa", b"bbb")
    first = file_content(paths)
    os.utime(paths[0], (5, 5))
    assert file_content(paths) == first == file_content(files(tmp_path / "b", b"aa", b"bbb"))


def test_large_data_is_known_by_sizes_and_times_to_the_second(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_READ_WHOLE", 4)
    hashed = module._hashed
    monkeypatch.setattr(module, "_hashed", lambda path: pytest.fail("large data is not read"))
    paths = files(tmp_path / "a", b"aa", b"bbb")
    for path in paths:
        os.utime(path, ns=(0, 7 * 10**9 + 5))
    first = file_content(paths)
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # with its times
    (tmp_path / "a").rename(tmp_path / "c")
    for name in "bc":
        assert file_content([p.replace("/a/", f"/{name}/") for p in paths]) == first
    # Many a copy keeps whole seconds.
    os.utime(tmp_path / "b" / "0.jpg", ns=(0, 7 * 10**9))
    assert file_content([p.replace("/a/", "/b/") for p in paths]) == first
    os.utime(tmp_path / "b" / "0.jpg", ns=(0, 8 * 10**9))
    assert file_content([p.replace("/a/", "/b/") for p in paths]) != first
    monkeypatch.setattr(module, "_READ_WHOLE", 5)
    monkeypatch.setattr(module, "_hashed", hashed)
    assert file_content([p.replace("/a/", "/c/") for p in paths]) != first, "five bytes are read again"
