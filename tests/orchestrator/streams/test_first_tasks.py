"""A stream's first tasks, as a search is shown them that may not see the others."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.streams import registry
from orchestrator.streams.first_tasks import first_tasks
from orchestrator.streams.identity import stream_content, stream_identity

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def digits():
    """Ten classes in five tasks."""
    stream = registry.get("digits")
    return stream.load(stream.Config(initial=2, increment=2), False)


def test_nothing_of_later_tasks_is_left(digits):
    """Not even their classes' names. A record keeps the number by which features of it are found."""
    cut = first_tasks(digits, 2)
    assert [task.name for task in cut.tasks] == [task.name for task in digits.tasks[:2]]
    assert list(cut.categories) == list(digits.categories[:4])
    packed = pickle.dumps(cut)
    held = {str(one) for task in cut.tasks for split in task.splits.values() for one in split.ids}
    later = {str(one) for task in digits.tasks[2:] for split in task.splits.values() for one in split.ids}
    assert held and later and not held & later
    assert len(packed) < 0.6 * len(pickle.dumps(digits))
    for task, whole in zip(cut.tasks, digits.tasks, strict=False):
        for name, split in whole.splits.items():
            assert np.array_equal(task.splits[name].number, split.number)
            rows = np.arange(len(split.label))
            assert np.array_equal(task.splits[name].pictures.read(rows), split.pictures.read(rows))


def test_it_is_a_stream_of_its_own(digits):
    """What is kept of the whole one, or of another number of tasks, is not taken for it."""
    cuts = [first_tasks(digits, 1), first_tasks(digits, 2), digits]
    for of in (
        stream_content,
        stream_identity,
        lambda one: one.fingerprint,
        lambda one: one.pictures_fingerprint,
    ):
        assert len({of(one) for one in cuts}) == 3
        assert of(first_tasks(digits, 2)) == of(cuts[1])
    stream = registry.get("digits")
    other = first_tasks(stream.load(stream.Config(initial=2, increment=2, order=1), False), 2)
    assert stream_content(other) != stream_content(cuts[1]), "the first tasks of another order are others"
    assert other.fingerprint != cuts[1].fingerprint
    assert other.pictures_fingerprint != cuts[1].pictures_fingerprint
    unnumbered = first_tasks(replace(digits, pictures_fingerprint=None), 2)
    assert unnumbered.pictures_fingerprint is None


def test_questions_and_captions_keep_the_categories_that_are_known_from_the_start():
    stream = registry.get("shapes-vqa")
    whole = stream.load(stream.Config(train=4, validation=1, test=1), False)
    cut = first_tasks(whole, 1)
    assert cut.categories == whole.categories and cut.tables == whole.tables and len(cut.tasks) == 1


@pytest.mark.parametrize("count", [0, 5, 6])
def test_there_must_be_a_later_task(digits, count):
    with pytest.raises(UserError) as error:
        first_tasks(digits, count)
    assert str(error.value) == (
        f"first-tasks {count}: the stream digits has 5 tasks; allowed: whole numbers from 1 to 4"
    )
    with pytest.raises(UserError, match="has 1 task; allowed: none of a stream with one task$"):
        first_tasks(replace(digits, tasks=digits.tasks[:1]), 1)
