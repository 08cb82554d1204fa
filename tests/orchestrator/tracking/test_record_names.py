"""Few metrics under their own names, the rest below one prefix."""

import pytest

from orchestrator.tracking import in_order, recorded
from orchestrator.tracking.tracker import _named

_WALKED = {
    "train/total": 1.0,
    "replay/bytes": 2.0,
    "seconds/train": 3.0,
    **{f"validation/task_{k:02d}/accuracy": 50.0 for k in range(1, 21)},
    "validation/seen/ece": 4.0,
    "validation/learning_accuracy": 5.0,
    "validation/average": 6.0,
    "validation/forgetting": 7.0,
    "validation/seen/accuracy": 8.0,
    "tasks": 20.0,
}


def test_the_few_come_first_and_the_rest_is_below_walk():
    found = in_order(_WALKED)
    top = ["validation/average", "validation/forgetting", "validation/seen/accuracy", "tasks"]
    assert list(found)[:4] == top and len(found) == len(_WALKED)
    assert list(found)[4:7] == ["walk/train/total", "walk/replay/bytes", "walk/seconds/train"]
    assert all(name.startswith("walk/") for name in list(found)[4:])
    assert (found["walk/validation/task_20/accuracy"], found["tasks"]) == (50.0, 20.0)


def test_names_sort_as_they_are_to_be_read():
    names = ["seconds/train", "validation/average", "test/average", "test_deviation/average", "replay/bytes"]
    assert sorted(map(recorded, names)) == [
        "test/average",
        "test_deviation/average",
        "validation/average",
        "walk/replay/bytes",
        "walk/seconds/train",
    ]
    assert [recorded(f"validation/{name}") for name in ("vqacl/novel_forget", "triplet/forgetting")] == [
        "validation/vqacl/novel_forget",
        "validation/triplet/forgetting",
    ]
    assert recorded("test/seen/ece") == "walk/test/seen/ece" and recorded("score") == "score"
    assert recorded("train/average") == "walk/train/average"


@pytest.mark.parametrize(
    ("order", "name"), [(7, "mma seed=2 order=7"), ("0", "mma seed=2 order=0"), ("natural", "mma seed=2")]
)
def test_a_fixed_configuration_is_named_by_an_order_that_is_a_seed_alone(order, name):
    assert _named({"method": "mma", "seed": 2, "order": order}) == name
