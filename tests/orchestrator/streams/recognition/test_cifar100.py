import io
import os
import pickle
import struct
from urllib.error import URLError

import numpy as np
import pytest
import torchvision.datasets.utils

from orchestrator.errors import UserError
from orchestrator.streams.recognition.cifar100 import Cifar100
from orchestrator.streams.recognition.cifar_pickle import read_cifar_pickle

NAMES = ["aquarium_fish", "bee", "pine_tree", "worm"]


def content(seed=0, counts=(8, 3)):
    rng = np.random.default_rng(seed)
    found = {"meta": {"fine_label_names": NAMES, "coarse_label_names": ["fish", "insects"]}}
    for split, count in zip(("train", "test"), counts, strict=True):
        labels = rng.permutation(np.repeat(np.arange(4), count)).tolist()
        found[split] = {
            "filenames": [f"{split}_{i}.png" for i in range(len(labels))],
            "batch_label": f"{split} batch",
            "fine_labels": labels,
            "coarse_labels": [label // 2 for label in labels],
            "data": rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8),
        }
    return found


def python2(value):
    """A pickle as Python 2 and its NumPy wrote the published files: byte strings, numpy.core."""
    out = io.BytesIO(b"")

    def text(raw):
        out.write(b"T" + struct.pack("<i", len(raw)) + raw)

    def put(item):
        if isinstance(item, dict):
            out.write(b"}(")
            for key, inner in item.items():
                put(key)
                put(inner)
            out.write(b"u")
        elif isinstance(item, list):
            out.write(b"](")
            for inner in item:
                put(inner)
            out.write(b"e")
        elif isinstance(item, str):
            text(item.encode())
        elif isinstance(item, int):
            out.write(b"J" + struct.pack("<i", item))
        else:
            out.write(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01(")
            for length in item.shape:
                put(length)
            out.write(
                b"tcnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
            )
            text(item.tobytes())
            out.write(b"tb")

    put(value)
    return b"\x80\x02" + out.getvalue() + b"."


def write(root, found, dump=pickle.dumps):
    folder = root / "cifar-100-python"
    folder.mkdir(exist_ok=True)
    for name, value in found.items():
        (folder / name).write_bytes(dump(value))
    return root


def load(root, **config):
    return Cifar100.load(Cifar100.Config(data=str(root), **{"initial": 2, "increment": 1, **config}), False)


def message(root, **config):
    with pytest.raises(UserError) as caught:
        load(root, **config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def every(stream):
    return [
        (t.name, n, s.label.tolist(), list(s.ids), s.pictures.read(np.arange(len(s.label))).tobytes())
        for t in stream.tasks
        for n, s in t.splits.items()
    ]


def test_pictures_labels_and_names_are_those_of_the_files(tmp_path):
    found = content()
    stream = load(write(tmp_path, found), order="natural")
    assert stream.categories == ["aquarium fish", "bee", "pine tree", "worm"]
    assert stream.augment == "flip" and stream.image_size == 32 and len(stream.templates) == 18
    assert [t.classes for t in stream.tasks] == [range(2), range(2, 3), range(3, 4)]
    for task in stream.tasks:
        for name, split in task.splits.items():
            source = found["test" if name == "test" else "train"]
            rows = [int(i.split()[-1]) for i in split.ids]
            assert split.label.tolist() == [source["fine_labels"][r] for r in rows]
            planes = source["data"][rows].reshape(-1, 3, 32, 32)
            read = split.pictures.read(np.arange(len(rows)))
            assert read.dtype == np.uint8
            np.testing.assert_array_equal(read, np.moveaxis(planes, 1, 3))


def test_it_does_not_matter_who_wrote_the_files(tmp_path):
    found = content()
    byte_keys = {name: {k.encode(): v for k, v in part.items()} for name, part in found.items()}
    writers = [(found, python2), *((found, lambda v, p=p: pickle.dumps(v, p)) for p in (0, 2, 3, 4, 5))]
    columns = {**found, "train": {**found["train"], "data": np.asfortranarray(found["train"]["data"])}}
    writers += [(byte_keys, pickle.dumps), *((columns, lambda v, p=p: pickle.dumps(v, p)) for p in (2, 5))]
    streams = [load(write(tmp_path, part, dump)) for part, dump in writers]
    assert len({str(every(s)) for s in streams}) == 1
    assert len({s.fingerprint for s in streams}) == 1
    other = content()
    other["train"]["data"][0, 0] ^= 1
    assert load(write(tmp_path, other)).fingerprint != streams[0].fingerprint


def test_what_python_2_wrote_is_what_pickle_reads():
    found = content()["train"]
    read = pickle.loads(python2(found), encoding="latin1")
    assert read["filenames"] == found["filenames"] and read["fine_labels"] == found["fine_labels"]
    np.testing.assert_array_equal(read["data"], found["data"])


class _Run:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_file_that_would_run_something_is_refused_and_nothing_runs(tmp_path, protocol):
    mark = tmp_path / "ran"
    for call in ((os.mkdir, str(mark)), (eval, f"open({str(mark)!r}, 'w')"), (np.load, str(mark))):
        write(tmp_path, {**content(), "meta": {"x": _Run(*call)}}, lambda v: pickle.dumps(v, protocol))
        assert "meta: not a whole CIFAR file (it asks for " in message(tmp_path)
        assert not mark.exists()
    write(tmp_path, {**content(), "meta": {"x": np.arange(3)}}, lambda v: pickle.dumps(v, protocol))
    assert "it holds an array of i8, not of bytes" in message(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        # An array whose shape, bytes or kind are no such thing.
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01(K\x05tcnumpy\ndtype\nU\x02u1\x85R\x89U\x01xtb",
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01(K\x05tcnumpy\ndtype\nU\x02u1\x85R\x89J\x00\x00\x00\x7ftb",
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01(K\x05tK\x01\x89U\x01xtb",
        b"cnumpy.core.multiarray\n_reconstruct\n)R",
        # Of objects, which would be unpickled in their turn.
        b"cnumpy.core.multiarray\n_reconstruct\n)R(K\x01(K\x01tcnumpy\ndtype\nU\x02O8\x85R\x89]K\x01atb",
        # What stands in for a dtype is given other code.
        b"cnumpy\ndtype\nN}X\x08\x00\x00\x00__code__K\x01s\x86b",
        # The array's class itself, called.
        b"cnumpy\nndarray\n(K\x05tR",
        b"c_codecs\nencode\nX\x03\x00\x00\x00abcX\x05\x00\x00\x00rot13\x86b",
    ],
)
def test_an_array_that_is_none_is_refused(tmp_path, raw):
    path = tmp_path / "x"
    path.write_bytes(b"\x80\x02}U\x04data" + raw + b"s.")
    with pytest.raises(UserError) as caught:
        read_cifar_pickle(str(path))
    assert str(caught.value).startswith(f"{path}: not a whole CIFAR file (")
    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_one_line(tmp_path):
    write(tmp_path, content(counts=(2, 1)), python2)
    for name in ("train", "meta"):
        path = tmp_path / "cifar-100-python" / name
        whole = path.read_bytes()
        for cut in (0, 1, 2, 10, len(whole) // 3, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:cut])
            assert f"{name}: not a whole CIFAR file (" in message(tmp_path)
        path.write_bytes(whole)
    load(tmp_path)


@pytest.mark.parametrize(
    "split, change, found",
    [
        (
            "train",
            {"fine_labels": [4] + [0, 1, 2, 3] * 7 + [0, 1, 2]},
            "train picture 0 has label 4, allowed: 0 .. 3",
        ),
        ("test", {"fine_labels": [0, 1, 2, 3] * 2 + [0, 1, 2, -1]}, "test picture 11 has label -1, allowed"),
        ("train", {"fine_labels": [0] * 31}, "train: 32 pictures and 31 labels, allowed: as many of each"),
        ("train", {"fine_labels": ["0"] * 32}, "train: fine_labels is no list of integers"),
        (
            "train",
            {"fine_labels": [10**5000] + [0] * 31},
            "fine_labels holds a number of more than 31 bits",
        ),
        ("train", {"fine_labels": [0, 1, 2, 2] * 8}, "class 'worm' has no pictures, allowed: at least 2"),
        ("test", {"data": np.zeros((12, 3071), np.uint8)}, "test: data is no array of bytes (N, 3072)"),
        ("test", {"data": "x"}, "test: data is no array of bytes (N, 3072)"),
        ("meta", {"fine_label_names": 3}, "meta: fine_label_names is no list of text"),
        ("meta", {"fine_label_names": ["a_b", "a b", "c", "d"]}, "class name 'a b' is used twice"),
    ],
)
def test_what_does_not_fit_together_is_one_line(tmp_path, split, change, found):
    whole = content()
    write(tmp_path, {**whole, split: {**whole[split], **change}})
    assert found in message(tmp_path)


def test_a_missing_folder_file_or_entry_says_what_to_put_where(tmp_path):
    assert message("") == (
        "stream cifar100: no data folder given, allowed: --data DIR with cifar-100-python/ with train, test, "
        "meta"
    )
    folder = tmp_path / "cifar-100-python"
    assert message(tmp_path) == (
        f"{folder}/train: no such file, allowed: cifar-100-python/ with train, test, meta, or "
        "stream.download=true to fetch them"
    )
    write(tmp_path, content())
    (folder / "meta").unlink()
    assert message(tmp_path).startswith(f"{folder}/meta: no such file, allowed: cifar-100-python/ with")
    write(tmp_path, {"meta": {"label_names": ["plane"]}})
    assert message(tmp_path) == (
        f"{folder}/meta: has no fine_label_names, allowed: a file of CIFAR-100 (not CIFAR-10)"
    )


def test_it_is_fetched_only_where_it_is_not_there(tmp_path, monkeypatch):
    calls = []

    def fetch(url, root, filename, md5):
        calls.append((url.rpartition("/")[2], filename, len(md5)))
        write(tmp_path, content())

    monkeypatch.setattr(torchvision.datasets.utils, "download_and_extract_archive", fetch)
    first = load(tmp_path, download=True)
    assert calls == [("cifar-100-python.tar.gz", "cifar-100-python.tar.gz", 32)]
    assert load(tmp_path, download=True).fingerprint == first.fingerprint == load(tmp_path).fingerprint
    assert len(calls) == 1


def test_without_a_network_one_line_says_what_to_put_where(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise URLError("no route\nto host")

    monkeypatch.setattr(torchvision.datasets.utils, "download_and_extract_archive", fail)
    found = message(tmp_path, download=True)
    assert (
        "cifar-100-python.tar.gz: cannot be fetched (<urlopen error no route to host>), allowed: a network"
        in found
    )
    assert found.endswith(f"or cifar-100-python/ with train, test, meta put into {tmp_path}")


@pytest.mark.parametrize("number", [2**31, 10**6])
def test_a_file_that_numbers_its_objects_as_if_they_were_many_is_refused(tmp_path, number):
    """The unpickler would make room for all of them: 34 GB."""
    data = b"\x80\x02K\x01r" + number.to_bytes(4, "little") + b"."
    (tmp_path / "meta").write_bytes(data)
    with pytest.raises(UserError, match=rf"it numbers an object {number} in {len(data)} bytes"):
        read_cifar_pickle(str(tmp_path / "meta"))
