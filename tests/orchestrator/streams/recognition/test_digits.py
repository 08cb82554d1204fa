import numpy as np
import pytest
from sklearn.datasets import load_digits

from orchestrator.streams.recognition import digits as module
from orchestrator.streams.recognition.digits import Digits

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def digits():
    return load_digits()


def load(**config):
    return Digits.load(Digits.Config(**config), False)


def numbers(split):
    return [int(name.split()[1]) for name in split.ids]


def test_five_tasks_of_two_with_words_for_names(digits):
    stream = load(seed=1)
    assert stream.scenario == "recognition" and stream.augment == "shift" and stream.image_size == 32
    assert [t.classes for t in stream.tasks] == [range(k, k + 2) for k in range(0, 10, 2)]
    assert sorted(stream.categories) == sorted(WORDS) and stream.categories != WORDS
    assert "a photo of the number {}." in stream.templates
    rows = []
    for task in stream.tasks:
        for split in task.splits.values():
            truth = [WORDS[n] for n in digits.target[numbers(split)]]
            assert [stream.categories[k] for k in split.label] == truth
            rows += numbers(split)
    assert sorted(rows) == list(range(1797))
    sizes = {n: sum(len(t.splits[n].label) for t in stream.tasks) for n in ("train", "validation", "test")}
    assert abs(sizes["test"] - 0.2 * 1797) < 5 and abs(sizes["validation"] - 0.1 * 0.8 * 1797) < 5


def test_pictures_are_the_digits_white_on_black_and_enlarged(digits):
    split = load(image_size=8).tasks[0].splits["train"]
    read = split.pictures.read(np.arange(5))
    assert read.dtype == np.uint8 and read.shape == (5, 8, 8, 3)
    expected = digits.images[numbers(split)[:5]] * (255 / 16)
    np.testing.assert_allclose(read, np.repeat(expected[..., None], 3, 3), atol=0.5)
    large = load(image_size=32).tasks[0].splits["train"].pictures.read(np.arange(5))
    assert large.shape == (5, 32, 32, 3)
    back = large.reshape(5, 8, 4, 8, 4, 3).mean((2, 4))
    assert np.abs(back - read).mean() < 20 and large.max() == 255 and large.min() == 0


def test_the_fingerprint_tells_pictures_that_were_enlarged_otherwise(monkeypatch):
    first, enlarged = load().fingerprint, module._enlarged
    monkeypatch.setattr(module, "_enlarged", lambda images, size: enlarged(images, size) // 2)
    assert load().fingerprint != first


def test_the_seed_moves_validation_alone_and_never_what_is_tested_on():
    one, other = load(seed=1, order="natural"), load(seed=2, order="natural")
    for a, b in zip(one.tasks, other.tasks, strict=True):
        assert numbers(a.splits["test"]) == numbers(b.splits["test"])
        assert numbers(a.splits["validation"]) != numbers(b.splits["validation"])
    assert one.categories == WORDS and load(seed=1).categories == load(seed=2).categories
    assert load(seed=1).fingerprint == load(seed=1).fingerprint != load(seed=1, image_size=16).fingerprint


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image_size": 4}, "image_size: 4, allowed: an integer 8 .. 1024"),
        ({"test": 0.6}, "test: 0.6, allowed: above 0, at most 0.5"),
    ],
)
def test_a_wrong_configuration_is_one_line(change, message):
    with pytest.raises(ValueError) as caught:
        Digits.Config(**change)
    assert str(caught.value) == message


@pytest.mark.parametrize("found", [True, False])
def test_scikit_learns_own_file_is_read_without_it_and_by_it_where_the_file_is_elsewhere(
    found, digits, monkeypatch
):
    asked = []
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: asked.append(1) or digits)
    if not found:
        monkeypatch.setattr(module, "find_spec", lambda name: None)
    images, label = module._read()
    assert len(asked) == (not found)
    assert images.dtype == np.float64 and label.dtype == np.int64
    assert np.array_equal(images, digits.images) and np.array_equal(label, digits.target)
