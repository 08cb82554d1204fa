import dataclasses
from pathlib import Path

import numpy as np
import pytest

from methods.method import ClassSpec
from orchestrator.config import RunConfig
from orchestrator.errors import UserError
from orchestrator.schema.config_error import ConfigError
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.prepare import prepare
from orchestrator.streams.recognition.class_config import ClassConfig
from orchestrator.streams.recognition.class_incremental import Examples, class_incremental
from orchestrator.streams.recognition.templates import templates


def examples(label, prefix="train"):
    label = np.asarray(label)
    array = np.broadcast_to(np.arange(len(label), dtype=np.uint8)[:, None, None, None], (len(label), 4, 4, 3))
    return Examples(
        lambda rows: ArrayPictures(array[rows]), label, [f"{prefix} {i}" for i in range(len(label))]
    )


NAMES = ["éclair", "猫", "red fox", "d", "e", "f"]
# Classes of different sizes, mixed.
TRAIN = np.random.RandomState(0).permutation(np.repeat(np.arange(6), [10, 12, 20, 31, 4, 2]))
TEST = np.arange(18) % 6


def build(names=NAMES, train=TRAIN, test=TEST, content=b"", **config):
    test = test if isinstance(test, float) else examples(test, "test")
    config = ClassConfig(**{"initial": 2, "increment": 2, **config})
    return class_incremental(
        "toy", config, names, examples(train), test, image_size=4, augment="flip", content=content
    )


def test_classes_arrive_in_the_published_order_of_seed_1993():
    names = [str(i) for i in range(100)]
    label = np.repeat(np.arange(100), 2)
    stream = build(names, label, label, initial=10, increment=10, order=1993)
    assert [int(n) for n in stream.categories[:10]] == [68, 56, 78, 8, 23, 84, 90, 65, 74, 76]
    assert [t.name for t in stream.tasks[:2]] == ["1-10", "11-20"] and len(stream.tasks) == 10


def test_labels_count_classes_as_they_arrive_and_every_picture_is_in_one_split():
    stream = build(order=3)
    assert stream.categories == [NAMES[c] for c in np.random.RandomState(3).permutation(6)] != NAMES
    rows = []
    for task, classes in zip(stream.tasks, [range(2), range(2, 4), range(4, 6)], strict=True):
        assert task.classes == classes and set(task.splits) == {"train", "validation", "test"}
        for name, split in task.splits.items():
            assert set(split.label.tolist()) == set(classes) and split.label.dtype == np.int32
            assert list(split.captions) == [] and len(split.pictures) == len(split.ids) == len(split.label)
            own = [int(i.split()[1]) for i in split.ids]
            truth = TEST if name == "test" else TRAIN
            assert [stream.categories[k] for k in split.label] == [NAMES[c] for c in truth[own]]
            read = split.pictures.read(np.arange(len(own)))
            np.testing.assert_array_equal(read[:, 0, 0, 0], own)
            if name != "test":
                rows += own
    assert sorted(rows) == list(range(len(TRAIN)))


@pytest.mark.parametrize(
    ("share", "sizes"), [(0.2, [2, 2, 4, 6, 1, 1]), (0.25, [2, 3, 5, 8, 1, 1]), (0.5, [5, 6, 10, 16, 2, 1])]
)
def test_validation_takes_its_share_of_each_class_and_at_least_one(share, sizes):
    stream = build(validation=share, order="natural")
    held = np.concatenate([t.splits["validation"].label for t in stream.tasks])
    np.testing.assert_array_equal(np.bincount(held), sizes)
    assert stream.categories == NAMES


def test_with_a_share_of_0_nothing_is_held_out_and_test_stays():
    stream, other = build(validation=0), build(validation=0.2)
    assert not stream.holds_out and other.holds_out
    assert all(list(task.splits) == ["train", "test"] for task in stream.tasks)
    for task, with_some in zip(stream.tasks, other.tasks, strict=True):
        assert set(task.splits["train"].ids) == {
            i for name in ("train", "validation") for i in with_some.splits[name].ids
        }
        assert task.splits["test"].ids == with_some.splits["test"].ids
    assert stream.fingerprint != other.fingerprint
    # Two pictures of a class are then enough without a test split, and one with it.
    label = np.repeat(np.arange(6), 2)
    cut = build(train=label, test=0.5, validation=0)
    assert [len(t.splits[s].ids) for t in cut.tasks for s in ("train", "test")] == [2] * 6
    assert [len(t.splits["train"].ids) for t in build(train=np.arange(6), validation=0).tasks] == [2] * 3
    for refused in ({"train": np.arange(6)}, {"train": label, "test": 0.5}):
        with pytest.raises(UserError, match="allowed: at least"):
            build(**refused, validation=0.1)


def test_without_a_test_split_the_same_pictures_are_tested_on_whatever_the_seed():
    label = np.repeat(np.arange(6), 10)
    streams = [build(train=label, test=0.2, seed=seed) for seed in (0, 1)]

    def ids(stream, split):
        return sorted(i for t in stream.tasks for i in t.splits[split].ids)

    assert ids(streams[0], "test") == ids(streams[1], "test") and len(ids(streams[0], "test")) == 12
    assert ids(streams[0], "validation") != ids(streams[1], "validation")
    for stream in streams:
        every = [i for split in ("train", "validation", "test") for i in ids(stream, split)]
        assert len(set(every)) == len(every) == 60
    smallest = build(names=["a"], train=[0, 0, 0], test=0.5, initial=1)
    assert {n: len(s.label) for n, s in smallest.tasks[0].splits.items()} == {
        "train": 1,
        "validation": 1,
        "test": 1,
    }


def test_the_fingerprint_tells_what_is_read_whatever_its_order():
    same = build().fingerprint
    assert build().fingerprint == build(order="natural").fingerprint == build(order=7).fingerprint == same
    others = [
        build(seed=1),
        build(increment=4),
        build(validation=0.3),
        build(content=b"other"),
        build(names=[*NAMES[:-1], "g"]),
    ]
    assert len({same, *(s.fingerprint for s in others)}) == 6
    prompted = build(templates=("the {}",))
    assert prompted.templates == ("the {}",) and prompted.fingerprint == same, "its pictures are the same"


def test_the_first_task_may_be_larger():
    label = np.repeat(np.arange(100), 2)
    stream = build([str(i) for i in range(100)], label, label, initial=50, increment=10)
    assert [len(t.classes) for t in stream.tasks] == [50, 10, 10, 10, 10, 10]
    one = build(initial=6, increment=4)
    assert [t.name for t in one.tasks] == ["1-6"]
    assert [t.name for t in build(initial=1, increment=1).tasks] == ["1", "2", "3", "4", "5", "6"]


def test_later_tasks_may_have_sizes_of_their_own():
    stream = build(initial=1, increment=(3, 2))
    assert [(t.name, t.classes) for t in stream.tasks] == [
        ("1", range(1)),
        ("2-4", range(1, 4)),
        ("5-6", range(4, 6)),
    ]
    assert [set(t.splits["train"].label.tolist()) for t in stream.tasks] == [{0}, {1, 2, 3}, {4, 5}]
    assert build(initial=2, increment=[2, 2]).fingerprint == build().fingerprint, "the same tasks"
    assert build(initial=2, increment=[1, 3]).fingerprint != build().fingerprint
    assert [t.name for t in build(initial=6, increment=()).tasks] == ["1-6"]


@pytest.mark.parametrize("name", ["digits", "mnist-5k", "cifar100", "image-folder"])
def test_a_stream_that_is_configured_takes_a_list_of_sizes(name):
    values = {"method.name": "clip-finetune", "stream.name": name, "stream.increment": [1, 2, 5]}
    config = RunConfig.from_dict({**values, "stream.initial": 2})
    assert config.stream.increment == (1, 2, 5)
    assert config.to_dict()["stream"]["increment"] == [1, 2, 5]
    assert RunConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError) as error:
        RunConfig.from_dict({**values, "stream.increment": [1, 0]})
    assert str(error.value) == "stream.increment: 0 is listed, allowed: integers, at least 1 each"


def test_training_sees_the_classes_of_each_task():
    source = build()
    spec = ClassSpec(tuple(source.categories), source.templates, None, 1.0)
    stream = prepare(source, spec)
    assert stream.spec.names == tuple(source.categories) and stream.image_size == 4
    assert [t.task.classes for t in stream.tasks] == [range(2), range(2, 4), range(4, 6)]
    split = stream.tasks[1].splits["train"]
    assert split.tokens.shape == (len(split.label), 0)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"initial": 7}, "stream.initial: 7, allowed: 1 .. 6, the number of classes"),
        (
            {"initial": 2, "increment": (1, 2)},
            "stream.increment: [1, 2] adds up to 3, allowed: sizes that add up to 4, the classes that "
            "initial 2 leaves of 6",
        ),
        (
            {"initial": 2, "increment": 3},
            "stream.increment: 3 does not divide the 4 classes that initial 2 leaves of 6, "
            "allowed: 1, 2, 4, or initial 3",
        ),
        (
            {"names": ["a", "b", "c", "d", "e", "a"]},
            "stream toy: class name 'a' is used twice, for class 0 and class 5, allowed: each name once",
        ),
        (
            {"names": ["sea lion", "b", "c", "d", "e", "sea_lion"]},
            "stream toy: class name 'sea_lion' (also written 'sea lion') is used twice, for class 0 and "
            "class 5, allowed: each name once",
        ),
        (
            {"names": ["\u00e9", "b", "c", "d", "e", "e\u0301"]},
            "stream toy: class name 'e\u0301' (also written '\u00e9') is used twice, for class 0 and "
            "class 5, allowed: each name once",
        ),
        ({"names": [" ", *"bcdef"]}, "stream toy: class name ' ' of class 0 is empty, allowed: text"),
        (
            {"names": ["a", "\u200b", *"cdef"]},
            "stream toy: class name '\\u200b' of class 1 is empty, allowed: text",
        ),
        ({"names": ["\udcff", *"bcdef"]}, "stream toy: class name '\\udcff' is not Unicode, allowed: UTF-8"),
        ({"names": NAMES[:5]}, f"stream toy: train {list(TRAIN).index(5)} has label 5, allowed: 0 .. 4"),
        ({"train": [*TRAIN, -1]}, "stream toy: train 79 has label -1, allowed: 0 .. 5"),
        ({"test": [*TEST, 6]}, "stream toy: test 18 has label 6, allowed: 0 .. 5"),
        ({"names": [*NAMES, "g"]}, "stream toy: class 'g' has no pictures, allowed: at least 2"),
        ({"train": TRAIN[TRAIN != 1]}, "stream toy: class '猫' has no pictures, allowed: at least 2"),
        (
            {"train": [*TRAIN[TRAIN != 1], 1]},
            "stream toy: class '猫' has 1 picture, allowed: at least 2",
        ),
        ({"test": 0.2}, "stream toy: class 'f' has 2 pictures, allowed: at least 3"),
        (
            {"test": TEST[TEST != 1]},
            "stream toy: class '猫' has no pictures to test on, allowed: at least 1",
        ),
    ],
)
def test_what_does_not_suit_is_one_line(change, message):
    with pytest.raises(UserError) as caught:
        build(**{"initial": 1, "increment": 1, **change})
    assert str(caught.value) == message


def test_an_initial_that_is_proposed_suits():
    for count in (37, 101, 200):
        names = [str(i) for i in range(count)]
        label = np.repeat(np.arange(count), 2)
        with pytest.raises(UserError) as caught:
            build(names, label, label, initial=3, increment=10)
        proposed = int(str(caught.value).rpartition(" ")[2])
        sizes = [len(t.classes) for t in build(names, label, label, initial=proposed, increment=10).tasks]
        assert set(sizes[1:]) == {10} and 1 <= sizes[0] <= 10


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seed": -1}, "seed: -1, allowed: an integer 0 .. 4294967295"),
        ({"initial": 0}, "initial: 0, allowed: an integer, at least 1"),
        ({"increment": True}, "increment: True, allowed: an integer, at least 1"),
        (
            {"order": "random"},
            "order: 'random', allowed: natural, a seed 0 .. 4294967295, or a list of names or of numbers",
        ),
        ({"validation": -0.1}, "validation: -0.1, allowed: 0 to 0.5"),
        ({"validation": 0.51}, "validation: 0.51, allowed: 0 to 0.5"),
        ({"validation": float("nan")}, "validation: nan, allowed: 0 to 0.5"),
        (
            {"templates": "imagenet-r"},
            "templates: 'imagenet-r', allowed: photo, cifar, imagenet, digits, or a list of prompts with {}",
        ),
        ({"templates": ()}, "templates: [], allowed: at least one prompt with {}"),
        (
            {"templates": ("a {}", "a photo")},
            "templates: 'a photo', allowed: a prompt with {} once, for the class name",
        ),
        (
            {"templates": ("a {} and a {}",)},
            "templates: 'a {} and a {}', allowed: a prompt with {} once, for the class name",
        ),
        (
            {"templates": ("a {} of {0}",)},
            "templates: 'a {} of {0}', allowed: a prompt with {} once, for the class name",
        ),
    ],
)
def test_a_wrong_configuration_is_one_line(change, message):
    with pytest.raises(ValueError) as caught:
        ClassConfig(**change)
    assert str(caught.value) == message


def test_the_template_sets():
    assert templates("photo") == ("a photo of a {}.",)
    cifar, imagenet = templates("cifar"), templates("imagenet")
    assert len(set(cifar)) == 18 and len(set(imagenet)) == 80
    assert cifar[0] == "a photo of a {}." and cifar[8:11] == (
        "a photo of a big {}.",
        "a photo of the {}.",
        "a blurry photo of the {}.",
    )
    assert imagenet[0] == "a bad photo of a {}." and imagenet[-1] == "a tattoo of the {}."
    for name in ("photo", "cifar", "imagenet", "digits"):
        assert templates(templates(name)) == templates(name), "each is well-formed"
    assert templates(["ein Bild von {}"]) == ("ein Bild von {}",)


def test_the_configuration_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClassConfig().seed = 1


_GOLDEN = np.load(Path(__file__).parents[3] / "golden" / "recognition_metrics.npz")


@pytest.mark.parametrize("case", sorted({key.split(".")[1] for key in _GOLDEN if key.startswith("split.")}))
def test_base_and_new_classes_are_two_tasks_in_natural_order(case):
    """MMA's base-to-new split: the first half of the classes, then the rest, renumbered within each."""
    golden = {key: _GOLDEN[f"split.{case}.{key}"] for key in ("labels", "out_all_classes", "out_all_labels")}
    count = len(golden["out_all_classes"])
    classes, label = np.unique(golden["labels"], return_inverse=True)
    np.testing.assert_array_equal(label, golden["out_all_labels"])
    stream = build(
        [str(c) for c in classes],
        np.repeat(np.arange(count), 2),
        label,
        order="natural",
        initial=count // 2,
        increment=count - count // 2,
    )
    for task, part in zip(stream.tasks, ("base", "new"), strict=True):
        test = task.splits["test"]
        names = [int(name) for name in stream.categories[task.classes.start : task.classes.stop]]
        np.testing.assert_array_equal(names, _GOLDEN[f"split.{case}.out_{part}_classes"])
        rows = [int(name.removeprefix("test ")) for name in test.ids]
        np.testing.assert_array_equal(rows, _GOLDEN[f"split.{case}.out_{part}_rows"])
        np.testing.assert_array_equal(
            test.label - task.classes.start, _GOLDEN[f"split.{case}.out_{part}_labels"]
        )


def test_the_fingerprint_tells_other_labels_of_the_same_pictures():
    other = TEST.copy()
    other[[0, 1]] = other[[1, 0]]
    one, two = build(initial=6, order="natural"), build(initial=6, order="natural", test=other)
    assert one.tasks[0].splits["test"].ids == two.tasks[0].splits["test"].ids
    assert one.fingerprint != two.fingerprint
