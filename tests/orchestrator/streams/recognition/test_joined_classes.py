"""Batches of class folders that came later, behind the classes before them."""

import numpy as np
import pytest
from PIL import Image

from orchestrator.errors import UserError
from orchestrator.streams.recognition.image_folder import ImageFolder


def _tree(root, *names, tops=("",), count=6):
    for top in tops:
        for name in names:
            (root / top / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.full((8, 8, 3), (len(name) * 31 + number) % 256, np.uint8)
                Image.fromarray(pixels).save(root / top / name / f"{number}.png")


def _load(root, **config):
    config = {"data": str(root), "image_size": 16, "initial": 2, "increment": 1, "order": 1, **config}
    return ImageFolder.load(ImageFolder.Config(**config), False)


def _columns(task):
    return {
        name: (list(split.ids), split.label.tolist(), split.number.tolist())
        for name, split in task.splits.items()
    }


@pytest.mark.parametrize("tops", [("",), ("train", "test")])
def test_a_batch_comes_behind_and_changes_nothing_of_what_was_there(tmp_path, tops):
    _tree(tmp_path, "dog", "fox", "hen", tops=tops)
    before = _load(tmp_path)
    _tree(tmp_path, "ant", "gnu", "bee", tops=tops)
    after = _load(tmp_path, batches=(("gnu", "ant", "bee"),))
    assert [task.name for task in after.tasks] == ["1-2", "3", "4-6"]
    assert [_columns(task) for task in after.tasks[:2]] == [_columns(task) for task in before.tasks]
    assert after.categories == [*before.categories, "gnu", "ant", "bee"]
    assert after.tasks[2].classes == range(3, 6)
    assert after.number_ends[: len(before.number_ends)] == before.number_ends
    new = after.tasks[2].splits
    assert set(new) == {"train", "validation", "test"}
    assert {new["train"].ids[row].split("/")[-2] for row in np.flatnonzero(new["train"].label == 3)} == {
        "gnu"
    }
    numbers = np.concatenate([s.number for task in after.tasks for s in task.splits.values()])
    assert sorted(numbers) == list(range(after.number_ends[-1])) == list(range(len(numbers)))
    assert after.fingerprint != before.fingerprint
    assert after.pictures_fingerprint != before.pictures_fingerprint
    turned = _load(tmp_path, batches=(("ant", "gnu", "bee"),))
    assert turned.fingerprint != after.fingerprint and turned.categories[3:] == ["ant", "gnu", "bee"]


def test_what_is_new_is_the_next_batch(tmp_path):
    _tree(tmp_path, "dog", "fox", "hen_house")
    config = ImageFolder.Config(data=str(tmp_path), initial=2, increment=1)
    known = ImageFolder.load(config, False).categories
    assert ImageFolder.grown(config, known, False) == config
    _tree(tmp_path, "gnu", "ant")
    more = ImageFolder.grown(config, known, False)
    assert more.batches == (("ant", "gnu"),)
    assert ImageFolder.grown(more, known, False) == more
    _tree(tmp_path, "bee")
    assert ImageFolder.grown(more, [*known, "ant", "gnu"], False).batches == (("ant", "gnu"), ("bee",))


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ((("cow",),), "stream.batches: 'cow', allowed: class folders of "),
        ((("dog", "fox", "hen"),), "stream.batches: they list all class folders"),
    ],
)
def test_batches_that_are_none_are_one_line(tmp_path, batches, said):
    _tree(tmp_path, "dog", "fox", "hen")
    with pytest.raises(UserError, match=said):
        _load(tmp_path, batches=batches)


def test_a_folder_is_in_one_batch_and_a_name_belongs_to_one_class(tmp_path):
    with pytest.raises(ValueError, match="batches: 'dog' is listed twice, allowed: each folder once"):
        ImageFolder.Config(batches=(("dog",), ("dog",)))
    with pytest.raises(ValueError, match="batches: one is empty, allowed: a class folder in each"):
        ImageFolder.Config(batches=(("dog",), ()))
    _tree(tmp_path, "dog", "fox", "big_dog", "big dog")
    with pytest.raises(UserError, match="class name 'big dog' is used twice"):
        _load(tmp_path, batches=(("big dog",),))


def test_lists_of_pictures_have_batches_too(tmp_path):
    _tree(tmp_path, "dog", "fox", "hen", "ant")
    for name, rows in (("train", range(5)), ("test", range(5, 6))):
        lines = [f"{c}/{row}.png {k}" for k, c in enumerate(("dog", "fox", "hen", "ant")) for row in rows]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines))
    lists = {"train_list": "train.txt", "test_list": "test.txt", "order": "natural"}
    found = _load(tmp_path, **lists, batches=(("fox",),))
    assert found.categories == ["dog", "hen", "ant", "fox"]
    assert set(found.tasks[-1].splits["test"].ids) == {"fox/5.png"}
