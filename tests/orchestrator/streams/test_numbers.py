"""A record's number: its own, in whatever order, tasks and splits it comes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from orchestrator.data.row_reader import RowReader
from orchestrator.streams import registry
from orchestrator.streams.pictures import ArrayPictures
from orchestrator.streams.prepare import prepare
from orchestrator.streams.recognition.class_config import ClassConfig
from orchestrator.streams.recognition.class_incremental import Examples, class_incremental
from orchestrator.streams.split_spans import split_spans
from orchestrator.streams.text.tokenizer import Tokenizer

SMALL = {"train": 3, "validation": 2, "test": 2}
NATURAL = {
    "shapes-recognition": {**SMALL, "tasks": 3},
    "shapes-retrieval": {**SMALL, "query": 2, "gallery": 6, "tasks": 3},
    "shapes-vqa": {**SMALL, "setting": "con-vs"},
    "digits": {"order": 0},
}
LABEL = np.random.default_rng(0).permutation(np.repeat(np.arange(6), 10))


@dataclass(frozen=True)
class _Config(ClassConfig):
    order: tuple[int, ...] | int | str = (4, 2, 0, 1, 3, 5)
    initial: int = 2
    increment: int = 4
    validation: float = 0.3


def _load(name, **config):
    stream = registry.get(name)
    return stream.load(stream.Config(**NATURAL[name] | config), False)


def _classes(config=None, label=LABEL, ids=None, content=b"", test=None, **keys):
    array = np.arange(len(label), dtype=np.uint8)[:, None, None, None] + np.zeros((1, 4, 4, 3), np.uint8)
    examples = Examples(
        lambda rows: ArrayPictures(array[rows]), label, ids or [f"p {i}" for i in range(len(label))]
    )
    names = ["a", "b", "c", "d", "e", "f"]
    config = _Config(**keys) if config is None else config
    test = examples if test else 0.2
    return class_incremental(
        "toy", config, names, examples, test, image_size=4, augment="shift", content=content
    )


def _splits(source):
    sizes = [{name: len(split.label) for name, split in task.splits.items()} for task in source.tasks]
    return [source.tasks[index].splits[name] for index, name in split_spans(sizes)]


def _by_id(source):
    return {i: n for s in _splits(source) for i, n in zip(s.ids, s.number.tolist(), strict=True)}


@pytest.mark.parametrize("name", NATURAL)
def test_as_its_defaults_arrange_it_a_streams_numbers_are_its_rows(name):
    source = _load(name)
    splits = _splits(source)
    ends = np.cumsum([len(split.label) for split in splits])
    assert np.concatenate([split.number for split in splits]).tolist() == list(range(ends[-1]))
    assert source.number_ends == tuple(ends)


@pytest.mark.parametrize("name", NATURAL)
def test_in_another_order_each_record_keeps_its_number(name):
    source, other = _load(name), _load(name, order=5)
    assert [split.ids for split in _splits(source)] != [split.ids for split in _splits(other)]
    assert _by_id(source) == _by_id(other) and source.number_ends == other.number_ends


def test_no_seed_task_size_or_share_changes_a_number_or_what_tells_the_pictures():
    usual = _classes()
    assert np.concatenate([split.number for split in _splits(usual)]).tolist() == list(range(60))
    for keys in (
        {"order": 3},
        {"order": "natural", "seed": 9},
        {"initial": 6, "increment": 1},
        {"validation": 0.1},
        {"templates": ("the {}",)},
    ):
        other = _classes(**keys)
        assert _by_id(other) == _by_id(usual), keys
        assert (other.pictures_fingerprint, other.number_ends) == (
            usual.pictures_fingerprint,
            usual.number_ends,
        )


def test_other_pictures_or_numbers_are_told_apart():
    others = [
        _classes(),
        _classes(content=b"other"),
        _classes(ids=[f"p {i + 1}" for i in range(60)]),
        _classes(label=LABEL[::-1].copy()),
        _classes(test=True),
    ]
    assert len({source.pictures_fingerprint for source in others}) == len(others)


def test_of_two_published_parts_each_record_has_a_number():
    source = _classes(test=True, seed=3, order=2)
    numbers = np.concatenate([split.number for split in _splits(source)])
    assert sorted(numbers.tolist()) == list(range(120))
    trained = {n for t in source.tasks for s in ("train", "validation") for n in t.splits[s].number.tolist()}
    usual = _classes(test=True)
    assert trained == {
        n for t in usual.tasks for s in ("train", "validation") for n in t.splits[s].number.tolist()
    }


def test_where_the_defaults_do_not_suit_the_classes_all_are_one_task():
    source = _classes(ClassConfig(initial=3, increment=3))  # ten and ten, of six classes
    numbers = _by_id(source)
    train, validation, test = (
        end - begin for begin, end in zip((0, *source.number_ends), source.number_ends, strict=False)
    )
    assert (train, validation, test) == (42, 6, 12)
    order = sorted(numbers, key=numbers.get)
    for begin, end in ((0, 42), (42, 48), (48, 60)):
        rows = [int(record.split()[1]) for record in order[begin:end]]
        assert rows == sorted(rows), "as they are stored"


def test_training_draws_views_from_numbers():
    source = _load("shapes-vqa", order=5)
    stream = prepare(source, Tokenizer.words(8))
    numbers = np.concatenate([task.splits["train"].number for task in source.tasks])
    assert stream.numbers.tolist() == numbers.tolist() != sorted(numbers.tolist())
    rows = np.array([7, 0, 30])
    assert RowReader(stream).origin(rows).tolist() == numbers[rows].tolist()
    stream.tasks[0].splits["train"] = replace(stream.tasks[0].splits["train"], number=None)
    assert stream.numbers.tolist() == list(range(len(numbers))), "all splits have numbers, or none"
