"""What is new in a task of ``shapes-retrieval``, and which things tasks share."""

import itertools

import numpy as np
import pytest

from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.synthetic.caption import plural
from orchestrator.streams.synthetic.families import DRAWN, THINGS, family
from orchestrator.streams.synthetic.styles import STYLES

Config = ShapesRetrieval.Config
_SIZES = {"train": 50, "validation": 30, "test": 30, "query": 12, "gallery": 18}
_WORLDS = [
    {"shared": 0.25},
    {"shift": "styles"},
    {"shift": "domains"},
    {"shift": "domains", "shared": 0.25},
]
_TOLD = ("train", "validation", "test")


def load(**config):
    return ShapesRetrieval.load(Config(**{**_SIZES, **config}), skip_bad=False)


def splits_of(stream):
    return [split for task in stream.tasks for split in task.splits.values()]


def group_families(split):
    """The family of each group of a split's scenes, (N, 4)."""
    scenes = split.pictures.scenes
    first = [(scenes.group == group).argmax(1) for group in range(4)]
    return np.stack([scenes.family[np.arange(len(scenes)), column] for column in first], 1)


def pictures(split):
    return split.pictures.read(np.arange(len(split.label)))


@pytest.mark.parametrize("tasks", [1, 5])
def test_the_default_is_the_stream_of_before(tasks):
    """The digests are of commit 96e81cb, which had neither key."""
    digests = {1: "e55d94dfd179", 5: "52d213720cf3"}
    stream = ShapesRetrieval.load(Config(tasks=tasks), skip_bad=False)
    assert stream.fingerprint.startswith(digests[tasks])
    assert {split.pictures.style for split in splits_of(stream)} == {"plain"}


@pytest.mark.parametrize("world", _WORLDS)
def test_a_seed_fixes_pictures_and_captions_and_another_changes_them(world):
    first, again, other = (load(seed=seed, tasks=2, train=10, **world) for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    for one, two in zip(splits_of(first), splits_of(again), strict=True):
        assert one.captions == two.captions
        np.testing.assert_array_equal(pictures(one), pictures(two))
    assert splits_of(first)[0].captions != splits_of(other)[0].captions


def test_worlds_differ_in_their_fingerprints():
    found = [load(tasks=2, train=10, **world).fingerprint for world in (*_WORLDS, {}, {"shared": 0.3})]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("world", _WORLDS)
def test_the_order_moves_tasks_and_leaves_them_as_they_are(world):
    natural, moved = load(tasks=3, **world), load(tasks=3, order=(2, 0, 1), **world)
    assert natural.fingerprint == moved.fingerprint
    for place, number in enumerate((2, 0, 1)):
        task, same = moved.tasks[place], natural.tasks[number]
        assert task.name == same.name and moved.families[place] == natural.families[number]
        for name, split in task.splits.items():
            assert split.captions == same.splits[name].captions
            nouns = [moved.categories[label] for label in split.label]
            assert nouns == [natural.categories[label] for label in same.splits[name].label]


@pytest.mark.parametrize("shift", ["families", "domains"])
@pytest.mark.parametrize(("shared", "of_30_scenes"), [(0.0, 0), (0.2, 24), (0.33, 40), (0.5, 60)])
def test_shares_are_exact_in_every_split(shift, shared, of_30_scenes):
    stream = load(shift=shift, shared=shared)
    for own, task in zip(stream.families, stream.tasks, strict=True):
        for name in _TOLD:
            groups = group_families(task.splits[name])
            others = [np.count_nonzero(groups == index) for index in stream.families if index != own]
            assert sum(others) == round(shared * groups.size) == np.count_nonzero(groups != own)
            assert max(others) - min(others) <= 1
            if name != "train":
                assert sum(others) == of_30_scenes
        for name in ("query", "gallery"):
            assert np.all(group_families(task.splits[name]) == own)


def test_shared_things_are_in_every_quarter_and_in_most_scenes():
    groups = group_families(load(shared=0.25, train=400).tasks[0].splits["train"])
    foreign = groups != load(shared=0.25).families[0]
    assert np.all(np.abs(foreign.mean(0) - 0.25) < 0.06)
    assert 0.6 < foreign.any(1).mean() < 0.75  # 1 - 0.75 ** 4 = 0.68 where quarters are independent


def test_the_seed_draws_which_groups_are_shared():
    shares = []
    for seed in (0, 1):
        stream = load(seed=seed, shared=0.25, tasks=DRAWN, train=10)
        tasks = zip(stream.families, stream.tasks, strict=True)
        shares.append({own: group_families(task.splits["test"]) != own for own, task in tasks})
    assert len(shares[0]) == DRAWN
    for own in shares[0]:
        assert np.any(shares[0][own] != shares[1][own])


def test_styles_show_all_families_alike():
    stream = load(shift="styles")
    for task in stream.tasks:
        for name in _TOLD:
            counts = np.bincount(group_families(task.splits[name]).ravel(), minlength=DRAWN)
            assert np.flatnonzero(counts).tolist() == sorted(stream.families)
            assert np.ptp(counts[sorted(stream.families)]) <= 1


@pytest.mark.parametrize("shift", ["styles", "domains"])
def test_each_task_has_a_style_of_its_own_which_its_name_says(shift):
    stream = load(shift=shift, tasks=8)
    styles = [{split.pictures.style for split in task.splits.values()} for task in stream.tasks]
    assert sorted(itertools.chain(*styles)) == sorted(STYLES)
    for (style,), index, task in zip(styles, stream.families, stream.tasks, strict=True):
        assert task.name == (style if shift == "styles" else f"{style} {family(index).name}")
    assert [task.name for task in load(shift=shift, tasks=8, seed=1).tasks] != [t.name for t in stream.tasks]


@pytest.mark.parametrize("world", _WORLDS)
def test_captions_name_what_is_shown_and_labels_the_first_thing(world):
    stream = load(**world)
    for split in splits_of(stream):
        scenes = split.pictures.scenes
        for row, caption in enumerate(split.captions):
            nouns = {
                family(index).nouns[thing]
                for index, thing in zip(scenes.family[row], scenes.thing[row], strict=True)
                if index >= 0
            }
            assert {n for n in stream.categories if {n, plural(n)} & set(caption.split())} == nouns
            assert (
                stream.categories[split.label[row]]
                == family(scenes.family[row, 0]).nouns[scenes.thing[row, 0]]
            )


@pytest.mark.parametrize("world", _WORLDS)
def test_no_picture_is_in_two_splits_and_no_scored_caption_comes_twice(world):
    stream = load(**world, tasks=2, train=100, validation=300, test=300)
    seen = [picture.tobytes() for split in splits_of(stream) for picture in pictures(split)]
    assert len(seen) == len(set(seen))
    for task in stream.tasks:
        for name in ("validation", "test"):
            assert len(set(task.splits[name].captions)) == 300


def test_a_share_changes_things_and_leaves_scenes_as_they_are():
    none, some = (load(shared=shared).tasks[1].splits["train"] for shared in (0.0, 0.25))
    a, b = none.pictures.scenes, some.pictures.scenes
    for column in ("thing", "colour", "size", "x", "y", "rgb", "background"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
    kept = np.all(group_families(some) == group_families(none), 1)
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(pictures(none)[kept], pictures(some)[kept])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shift": "style"}, "shift: 'style', allowed: families, styles, domains"),
        ({"shared": 0.6}, "shared: 0.6, allowed: 0 .. 0.5"),
        ({"shared": -0.1}, "shared: -0.1, allowed: 0 .. 0.5"),
        ({"shared": float("nan")}, "shared: nan, allowed: 0 .. 0.5"),
        ({"shared": True}, "shared: True, allowed: 0 .. 0.5"),
        (
            {"shared": 0.2, "shift": "styles"},
            "shared: 0.2, allowed with shift styles, which shares all things: 0",
        ),
        ({"shared": 0.2, "tasks": 1}, "shared: 0.2, allowed with a single task: 0"),
        ({"shift": "domains", "tasks": 9}, "tasks: 9, allowed: an integer 1 .. 8"),
        ({"shift": "styles", "tasks": 9}, "tasks: 9, allowed: an integer 1 .. 8"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(given, message):
    with pytest.raises(ValueError) as refused:
        Config(**given)
    assert str(refused.value) == message


def test_no_task_has_things_that_its_stream_has_not():
    assert len(load(shared=0.5).categories) == 5 * THINGS
