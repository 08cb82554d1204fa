import numpy as np
import pytest

from orchestrator.streams.retrieval.shapes_retrieval import ShapesRetrieval
from orchestrator.streams.synthetic.families import DRAWN, THINGS, family

Config = ShapesRetrieval.Config
SMALL = {"train": 40, "validation": 30, "test": 30, "query": 12, "gallery": 18}


def load(**config):
    return ShapesRetrieval.load(Config(**{**SMALL, **config}), skip_bad=False)


def nouns_in(captions):
    words = {word for caption in captions for word in caption.split()}
    return words | {word.removesuffix("s") for word in words} | {word.removesuffix("es") for word in words}


def test_the_default_stream():
    stream = ShapesRetrieval.load(Config(), skip_bad=False)
    assert (stream.name, stream.scenario, stream.image_size, len(stream.tasks)) == (
        "shapes-retrieval",
        "retrieval",
        32,
        5,
    )
    for task in stream.tasks:
        sizes = {name: len(split.label) for name, split in task.splits.items()}
        assert sizes == {"train": 480, "validation": 96, "test": 96, "query": 48, "gallery": 96}
        assert max(len(c.split()) for s in task.splits.values() for c in s.captions) <= 13


def test_columns_of_a_split_agree_and_ids_never_repeat():
    stream = load(tasks=3)
    ids = [i for task in stream.tasks for split in task.splits.values() for i in split.ids]
    assert len(ids) == len(set(ids))
    for task in stream.tasks:
        for split in task.splits.values():
            assert len(split.pictures) == len(split.captions) == len(split.ids) == len(split.label)
            assert split.label.dtype == np.int32
            for caption, label in zip(split.captions, split.label, strict=True):
                assert stream.categories[label] in nouns_in([caption])


def test_each_task_hears_nouns_that_no_other_task_hears():
    stream = load(tasks=5)
    for t, task in enumerate(stream.tasks):
        own = set(stream.categories[t * THINGS : (t + 1) * THINGS])
        heard = nouns_in(c for split in task.splits.values() for c in split.captions)
        assert own <= heard
        assert not heard & (set(stream.categories) - own)


def test_captions_do_not_repeat_where_recall_is_measured():
    # A task can tell 6**4 * 32 = 41472 things: a thousand independent draws would repeat some.
    stream = load(tasks=1, validation=1500, test=1500, train=1500)
    splits = stream.tasks[0].splits
    assert len(set(splits["validation"].captions)) == len(set(splits["test"].captions)) == 1500
    assert len(set(splits["train"].captions)) < 1500


def test_every_query_has_other_pictures_of_its_thing_in_the_gallery():
    for task in load().tasks:
        query, gallery = task.splits["query"], task.splits["gallery"]
        assert set(query.label) <= set(gallery.label)
        pictures = [s.pictures.read(np.arange(len(s.label))) for s in (query, gallery)]
        assert not {p.tobytes() for p in pictures[0]} & {p.tobytes() for p in pictures[1]}
        for caption in query.captions:
            assert len(nouns_in([caption]) & set(family_nouns(task.name))) == 1


def family_nouns(name):
    return next(family(i).nouns for i in range(DRAWN) if family(i).name == name)


def test_a_seed_fixes_everything_and_another_changes_it():
    first, again, other = load(seed=1), load(seed=1), load(seed=3)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert [t.name for t in first.tasks] == [t.name for t in again.tasks] != [t.name for t in other.tasks]
    a, b = (s.tasks[4].splits["test"] for s in (first, again))
    assert a.captions == b.captions
    np.testing.assert_array_equal(a.pictures.read(np.arange(30)), b.pictures.read(np.arange(30)))
    told = {task.name: task.splits["test"].captions for task in other.tasks}
    shared = [task for task in first.tasks if task.name in told]
    assert shared and all(task.splits["test"].captions != told[task.name] for task in shared)


def test_a_task_is_the_same_however_many_there_are_and_splits_differ():
    few, many = load(tasks=2), load(tasks=6, train=50)
    for t in range(2):
        assert few.tasks[t].splits["test"].captions == many.tasks[t].splits["test"].captions
        assert few.tasks[t].splits["test"].captions != few.tasks[t].splits["validation"].captions
    assert few.fingerprint != many.fingerprint


def test_there_are_more_tasks_than_drawn_families():
    stream = load(tasks=DRAWN + 3)
    assert len({task.name for task in stream.tasks}) == DRAWN + 3
    assert len(set(stream.categories)) == THINGS * (DRAWN + 3)
    picture = stream.tasks[-1].splits["test"].pictures.read(np.array([0]))
    assert picture.std() > 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tasks", 0),
        ("tasks", 2.0),
        ("image_size", 8),
        ("train", True),
        ("test", 41473),
        ("gallery", 5),
        ("seed", -1),
    ],
)
def test_a_wrong_value_is_named_with_its_range(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: {value!r}, allowed: an integer \d+ \.\. \d+$"):
        Config(**{name: value})
