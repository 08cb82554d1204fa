import numpy as np
import pytest

from orchestrator.streams.recognition.shapes_recognition import ShapesRecognition
from orchestrator.streams.registry import get
from orchestrator.streams.synthetic.caption import captions
from orchestrator.streams.synthetic.colours import COLOURS
from orchestrator.streams.synthetic.families import DRAWN, THINGS, family
from orchestrator.streams.synthetic.family_split import MOST_TASKS, PRETRAINING, UNSEEN, task_families
from orchestrator.streams.synthetic.scatter import scatter

Config = ShapesRecognition.Config
SMALL = {"train": 4, "validation": 2, "test": 3}


def load(**config):
    return ShapesRecognition.load(Config(**{**SMALL, **config}), skip_bad=False)


def read(stream, task, split):
    source = stream.tasks[task].splits[split]
    return source.pictures.read(np.arange(len(source.label)))


def test_the_default_stream():
    stream = get("shapes-recognition").load(Config(), skip_bad=False)
    assert (stream.name, stream.scenario, stream.image_size) == ("shapes-recognition", "recognition", 32)
    assert [task.classes for task in stream.tasks] == [range(12 * t, 12 * t + 12) for t in range(5)]
    assert len(stream.categories) == len(set(stream.categories)) == 60
    assert len(stream.templates) >= 5 and all(t.count("{}") == 1 for t in stream.templates)
    for task in stream.tasks:
        assert set(task.splits) == {"train", "validation", "test"}
        for name, n in {"train": 40, "validation": 10, "test": 20}.items():
            split = task.splits[name]
            assert split.label.dtype == np.int32 and list(split.captions) == []
            assert len(split.pictures) == len(split.ids) == 12 * n
            assert dict(zip(*np.unique(split.label, return_counts=True), strict=True)) == dict.fromkeys(
                task.classes, n
            )
    ids = [i for task in stream.tasks for split in task.splits.values() for i in split.ids]
    assert len(ids) == len(set(ids))


def test_a_class_is_a_colour_and_a_thing_of_its_tasks_family():
    stream = load(tasks=3, colours=3)
    for task, index in zip(stream.tasks, task_families(0, 3, "known"), strict=True):
        names = [stream.categories[c].split() for c in task.classes]
        assert {colour for colour, _ in names} <= set(COLOURS)
        nouns = [noun for _, noun in names]
        assert sorted(nouns) == sorted(family(index).nouns * 3)
        assert task.name == family(index).name


def test_pictures_show_the_colour_of_their_class():
    stream = load(tasks=2, train=8)
    names = list(COLOURS)
    for t, task in enumerate(stream.tasks):
        pictures = read(stream, t, "train").astype(float)
        right = 0
        for picture, label in zip(pictures, task.splits["train"].label, strict=True):
            flat = picture.reshape(-1, 3)
            shown = flat[flat.max(1) >= np.quantile(flat.max(1), 0.96)].mean(0)
            near = [np.dot(shown, c) / np.linalg.norm(shown) / np.linalg.norm(c) for c in COLOURS.values()]
            right += names[int(np.argmax(near))] == stream.categories[label].split()[0]
        assert right > 0.9 * len(pictures)


def test_no_picture_is_in_two_splits_or_twice_in_one():
    stream = load(tasks=1, train=20, validation=20, test=20)
    found = [p.tobytes() for split in ("train", "validation", "test") for p in read(stream, 0, split)]
    assert len(set(found)) == len(found) == 12 * 60


def test_a_seed_fixes_everything_and_another_changes_it():
    first, again, other = (load(seed=seed, families="new") for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.categories == again.categories != other.categories
    assert [t.name for t in first.tasks] != [t.name for t in other.tasks]
    np.testing.assert_array_equal(read(first, 4, "test"), read(again, 4, "test"))
    places = {task.name: task.splits["test"].pictures.scenes.x for task in other.tasks}
    shared = [task for task in first.tasks if task.name in places]
    assert shared and all((t.splits["test"].pictures.scenes.x != places[t.name]).any() for t in shared)


def test_classes_are_shuffled_within_a_task():
    stream = load(tasks=5)
    nouns = [[stream.categories[c].split()[1] for c in task.classes] for task in stream.tasks]
    assert any(a != b for own in nouns for a, b in zip(own[::2], own[1::2], strict=True))


@pytest.mark.parametrize("families", MOST_TASKS)
def test_a_task_is_the_same_however_many_there_are(families):
    few, many = load(tasks=2, families=families), load(tasks=4, families=families)
    assert few.categories == many.categories[:24]
    np.testing.assert_array_equal(read(few, 1, "train"), read(many, 1, "train"))
    assert few.fingerprint != many.fingerprint


def test_pretraining_and_streams_share_neither_families_nor_nouns():
    most = MOST_TASKS["new"]
    tasks = set(task_families(0, most, "new"))
    assert len(tasks) == most
    groups = [tasks, set(PRETRAINING), set(UNSEEN)]
    nouns = [{noun for i in group for noun in family(i).nouns} for group in groups]
    for i in range(3):
        for j in range(i):
            assert not groups[i] & groups[j]
            assert not nouns[i] & nouns[j]
    drawn = [i for i in task_families(5, most, "new") if i < DRAWN]
    assert len(drawn) >= 5 and task_families(5, most, "new")[: len(drawn)] == drawn


@pytest.mark.parametrize("seed", range(3))
def test_known_families_are_those_of_pretraining_and_mixed_ones_come_in_turn(seed):
    known, new, mixed = (task_families(seed, 6, families) for families in ("known", "new", "mixed"))
    assert set(known) <= set(PRETRAINING) and not set(new) & set(PRETRAINING)
    assert (mixed[::2], mixed[1::2]) == (known[:3], new[:3])
    assert known != task_families(seed + 1, 6, "known")
    for families, most in {"known": 34, "new": 500, "mixed": 68}.items():
        assert len(set(task_families(seed, most, families))) == MOST_TASKS[families] == most


def test_the_default_families_are_known_and_streams_of_others_differ():
    streams = {families: load(families=families) for families in MOST_TASKS}
    assert len({stream.fingerprint for stream in streams.values()}) == 3
    assert len({stream.pictures_fingerprint for stream in streams.values()}) == 3
    assert load().fingerprint == streams["known"].fingerprint
    drawn = {family(i).name for i in PRETRAINING}
    seen = {name: [task.name in drawn for task in stream.tasks] for name, stream in streams.items()}
    assert seen == {"known": [True] * 5, "new": [False] * 5, "mixed": [True, False, True, False, True]}


def test_other_templates_may_be_given():
    assert load(templates=("ein {}",)).templates == ("ein {}",)
    other = load(templates="photo")
    assert other.templates == ("a photo of a {}.",)
    plain, seeded = load(), load(seed=1)
    assert other.fingerprint != plain.fingerprint
    # Encoded pictures are known by it.
    assert other.pictures_fingerprint == plain.pictures_fingerprint != seeded.pictures_fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tasks", 0),
        ("tasks", MOST_TASKS["known"] + 1),
        ("colours", 9),
        ("train", 0),
        ("test", 2.0),
        ("image_size", 8),
    ],
)
def test_a_wrong_value_is_named_with_its_range(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: {value!r}, allowed: an integer \d+ \.\. \d+$"):
        Config(**{name: value})


def test_the_most_tasks_are_those_of_the_families():
    assert Config(families="new", tasks=500).tasks == 500
    with pytest.raises(ValueError, match=r"^tasks: 69, allowed: an integer 1 \.\. 68$"):
        Config(families="mixed", tasks=69)
    with pytest.raises(ValueError, match="^families: 'all', allowed: known, new, mixed$"):
        Config(families="all")


def test_wrong_templates_are_named():
    with pytest.raises(ValueError, match=r"^templates: 'a photo', allowed: "):
        Config(templates=("a photo",))


def test_scattered_objects_lie_in_the_picture_and_apart():
    rng = np.random.default_rng(0)
    n = 400
    objects = np.stack([rng.integers(0, high, (n, 2)) for high in (DRAWN, THINGS, len(COLOURS), 2)], 2)
    objects[: n // 2, 1, 0] = -1
    scenes = scatter(rng, objects)
    x, y, side = (c.astype(float) for c in (scenes.x, scenes.y, scenes.side))
    there = scenes.family >= 0
    assert (there[: n // 2].sum(1) == 1).all() and there[n // 2 :].all()
    for centre in (x, y):
        assert ((centre - side / 2 > -0.06) & (centre + side / 2 < 1.06))[there].all()
    apart = np.hypot(x[:, 0] - x[:, 1], y[:, 0] - y[:, 1])[n // 2 :]
    assert apart.min() > 0.35
    assert all(len(column) == n for column in scenes.columns())


def test_retrieval_captions_still_have_their_plurals():
    from orchestrator.streams.synthetic.scenes import arrange

    groups = np.array([[[4, 0, 1, 2], [3, 0, 1, 2], [4, 0, 1, 2], [0, 0, 1, 1]]])
    furniture = [i for i in range(DRAWN) if family(i).name == "furniture"][0]
    assert captions(arrange(np.random.default_rng(0), furniture, groups)) == [
        "two big red shelves and two beds above two shelves and a chair"
    ]
