"""The order of classes or tasks: one key of every stream, apart from what the stream's seed decides."""

from functools import cache

import numpy as np
import pytest

from orchestrator.errors import UserError
from orchestrator.schema.config_error import ConfigError
from orchestrator.schema.typed_values import construct
from orchestrator.streams import registry
from orchestrator.streams.identity import stream_content, stream_identity
from orchestrator.streams.order import ordered
from orchestrator.streams.retrieval.p9d_writer import write_p9d

SMALL = {"train": 2, "validation": 2, "test": 2}
CASES = {
    "shapes-retrieval": {**SMALL, "tasks": 4, "query": 6, "gallery": 6},
    "shapes-recognition": {**SMALL, "tasks": 4},
    "shapes-vqa": {**SMALL, "setting": "con-vs"},
    "digits": {},
    "p9d": {"image_size": 16},
}


@cache
def load(name, **config):
    stream = registry.get(name)
    return stream.load(stream.Config(**CASES[name], **config), False)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """The files of ``p9d``, which tests only read."""
    place = tmp_path_factory.mktemp("p9d")
    write_p9d(load("shapes-retrieval"), place)
    CASES["p9d"]["data"] = str(place)


def things(source):
    """What comes in an order: classes where tasks divide them, else tasks."""
    return list(source.categories) if source.name == "digits" else [task.name for task in source.tasks]


def every_record(source):
    """Each record with its class's name and what is shown of it, by split."""
    found = []
    for task in source.tasks:
        for name, split in task.splits.items():
            shown = split.pictures.read(np.arange(len(split.ids)))
            texts = split.captions or [""] * len(split.ids)
            found += [
                (name, item, source.categories[label], text, picture.tobytes())
                for item, label, text, picture in zip(split.ids, split.label, texts, shown, strict=True)
            ]
    return sorted(found)


@pytest.mark.parametrize("name", CASES)
def test_an_order_moves_tasks_or_classes_and_nothing_else(name):
    natural, drawn, other = (load(name, order=order) for order in ("natural", 3, 4))
    names = things(natural)
    assert (
        things(drawn) != names and things(drawn) != things(other) and sorted(things(drawn)) == sorted(names)
    )
    assert every_record(natural) == every_record(drawn)
    rest = [*range(2, len(names)), 0, 1]
    listed = load(name, order=tuple(names[n] for n in rest))
    numbered = load(name, order=tuple(rest))
    assert things(listed) == things(numbered) == names[2:] + names[:2]
    assert stream_identity(listed) == stream_identity(numbered)
    sources = (natural, drawn, other, listed)
    assert len({stream_identity(source) for source in sources}) == 4, "a run does not go on in another order"
    assert len({source.fingerprint for source in sources}) == len({*map(stream_content, sources)}) == 1
    assert stream_content(load(name, seed=7)) != stream_content(natural)


@pytest.mark.parametrize("name", CASES)
def test_the_streams_seed_does_not_order_a_list(name):
    names = things(load(name, order="natural"))
    if name in ("digits", "p9d", "shapes-vqa"):
        assert things(load(name, seed=5)) == things(load(name)), "what there is does not depend on the seed"
    order = tuple(reversed(names))
    assert things(load(name, order=order)) == names[::-1]


def test_the_order_of_each_stream_without_the_key_is_that_of_before():
    assert things(load("digits")) == [
        things(load("digits", order="natural"))[n] for n in np.random.RandomState(0).permutation(10)
    ]
    for name in ("shapes-retrieval", "shapes-recognition", "shapes-vqa", "p9d"):
        assert things(load(name)) == things(load(name, order="natural"))
    assert things(load("shapes-recognition", families="new")) == ["furniture", "kitchen", "fruit", "sea"]
    assert things(load("shapes-retrieval")) == ["vehicles", "letters", "shapes", "fruit"]


def test_only_the_first_task_trains_on_the_group_held_out_whichever_it_is():
    held = {**SMALL, "setting": "novel-composition", "held_out": 1, "tasks": 3}
    stream = registry.get("shapes-vqa")
    for order, first in (("natural", "recognition"), (("judge", "recognition", "location"), "judge")):
        source = stream.load(stream.Config(**held, order=order), False)
        assert [1 in task.groups for task in source.tasks] == [True, False, False]
        assert source.tasks[0].name == first


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (-1, "order: -1, allowed: natural, a seed 0 .. 4294967295, or a list of names or of numbers"),
        ("random", "found 'random'"),
        (1.5, "found 1.5"),
        (True, "found true"),
        ([], "order: (), allowed: natural, a seed"),
        (["a", "a"], "order: 'a' is listed twice, allowed: each once"),
        (["a", 1], "found ['a', 1]"),
    ],
)
def test_a_wrong_order_is_one_line_in_every_stream(name, wrong, said):
    with pytest.raises(ConfigError) as caught:
        construct(registry.get(name).Config, {"order": wrong}, "stream", None)
    line = str(caught.value)
    assert line.startswith("stream.order") and "\n" not in line
    assert said.removeprefix("order: ") in line


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (("b", "d"), "stream.order: 'd', allowed: a, b, c"),
        ((0, 3), "stream.order: 3, allowed: 0 .. 2, the numbers of the tasks"),
        ((0, -1), "stream.order: -1, allowed: 0 .. 2, the numbers of the tasks"),
        (("c", "a"), "stream.order: lists 2 of 3 tasks, not 'b', allowed: each once"),
    ],
)
def test_a_list_that_is_not_of_all_is_one_line(order, said):
    with pytest.raises(UserError) as caught:
        ordered(order, ["a", "b", "c"], "tasks")
    assert str(caught.value) == said
