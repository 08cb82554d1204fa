"""Streams of the same pictures share what an encoder gave, in whatever order and tasks they come."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kept_features import COUNT, NAMES, ORDER, Runner, assert_same, by_id, classes, noise, open_stream, shapes
from PIL import Image

from methods.backbones.clip import load_clip
from methods.backbones.clip_config import ClipConfig
from orchestrator.execution.shared_stream import SharedStream
from orchestrator.features.bank import open_bank
from orchestrator.features.builder import encode_here
from orchestrator.replay.policies.herding import herding_order
from orchestrator.streams import registry


@pytest.mark.usefixtures("small_chunks")
def test_each_record_has_what_a_real_encoder_gives_its_picture_in_whatever_order(two_views, tmp_path):
    images = noise(16)
    source, other = classes(images), classes(images, order=ORDER)
    first = by_id(source, open_stream(two_views, source, tmp_path / "shared"))
    second = by_id(other, open_stream(two_views, other, tmp_path / "shared"))
    assert_same(first, second)
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    given = load_clip(ClipConfig("small", "random")).encode_image(pictures).numpy()
    for record, feature in second[0].items():
        assert np.allclose(feature, given[int(record.split()[1])], atol=1e-3)
    # Bit for bit what this order gives where it is the first.
    assert_same(second, by_id(other, open_stream(two_views, other, tmp_path / "alone")))


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    ("load", "order"),
    [(classes, ORDER), (classes, 7), (shapes, (2, 0, 1))],
    ids=["list", "seed", "shapes"],
)
def test_another_order_encodes_nothing_and_each_record_keeps_its_own(two_views, tmp_path, load, order):
    natural, other, shared = load(), load(order=order), tmp_path / "shared"
    assert [task.splits["train"].ids for task in natural.tasks] != [
        t.splits["train"].ids for t in other.tasks
    ]
    first, run = open_stream(two_views, natural, shared), Runner()
    second = open_stream(two_views, other, shared, run)
    assert not run.pictures
    assert_same(by_id(natural, first), by_id(other, second))
    alone = Runner()
    fresh = open_stream(two_views, other, tmp_path / "alone", alone)
    assert alone.pictures.total() == sum(len(s.label) for t in other.tasks for s in t.splits.values())
    assert_same(by_id(other, second), by_id(other, fresh))
    if load is classes:
        found = {int(record.split()[1]): row[0] for record, row in by_id(other, second)[0].items()}
        assert found == {number: number for number in range(COUNT)}
    label = np.concatenate([task.splits["train"].label for task in other.tasks])
    feature = np.concatenate([task.splits["train"].feature for task in second.tasks])
    assert np.array_equal(second.herding, herding_order(feature.astype(np.float32), label))
    assert len(list(shared.glob("*/feature.npy"))) == 1, "one copy whatever the orders"


@pytest.mark.usefixtures("neighbours")
def test_other_tasks_of_the_same_pictures_encode_nothing(two_views, tmp_path):
    first = by_id(classes(), open_stream(two_views, classes(), tmp_path))
    run, source = Runner(), classes(initial=1, increment=1)
    assert len(source.tasks) == 4
    assert_same(by_id(source, open_stream(two_views, source, tmp_path, run)), first)
    assert not run.pictures


@pytest.mark.usefixtures("neighbours")
def test_another_seed_of_a_generated_stream_takes_nothing_of_the_first(two_views, tmp_path):
    open_stream(two_views, shapes(), tmp_path)
    run, source = Runner(), shapes(seed=1)
    second = open_stream(two_views, source, tmp_path, run)
    assert run.pictures.total() == sum(len(s.label) for t in source.tasks for s in t.splits.values())
    assert_same(by_id(source, second), by_id(source, open_stream(two_views, source, tmp_path / "alone")))


def _other_pictures(before, after):
    own = [0, 1, 3]
    return [record for record in before if not np.array_equal(before[record][own], after[record][own])]


@pytest.mark.usefixtures("neighbours")
def test_a_changed_picture_is_encoded_anew(two_views, tmp_path):
    before = by_id(classes(), open_stream(two_views, classes(), tmp_path))[0]
    images, run = noise(), Runner()
    images[7] = 255 - images[7]
    changed = classes(images, order=ORDER)
    after = by_id(changed, open_stream(two_views, changed, tmp_path, run))[0]
    assert "picture 7" in after and run.pictures.total() == COUNT
    assert _other_pictures(before, after) == ["picture 7"]


@pytest.mark.usefixtures("neighbours")
def test_files_that_changed_places_are_not_taken_for_each_other(two_views, tmp_path):
    """The bytes come in the same order, under names that are other pictures' names of before."""
    open_stream(two_views, classes(), tmp_path)
    run = Runner()
    open_stream(two_views, classes(ids=[f"picture {i + 1}" for i in range(COUNT)]), tmp_path, run)
    assert run.pictures.total() == COUNT


def _folder(path, count=5):
    rng = np.random.default_rng(0)
    for name in NAMES:
        for split in ("train", "test"):
            (path / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (20, 24, 3), np.uint8)
                Image.fromarray(pixels).save(path / split / name / f"{number}.png")
    stream = registry.get("image-folder")

    def load(**keys):
        keys = {"data": str(path), "image_size": 16, "initial": 2, "increment": 2} | keys
        return stream.load(stream.Config(**keys), False)

    return load


@pytest.mark.usefixtures("neighbours")
def test_a_folder_in_another_order_encodes_nothing_and_a_changed_file_is_encoded(two_views, tmp_path):
    load = _folder(tmp_path / "data")
    first = by_id(load(), open_stream(two_views, load(), tmp_path / "kept"))
    for order in (1, 2):
        run, source = Runner(), load(order=order)
        assert_same(by_id(source, open_stream(two_views, source, tmp_path / "kept", run)), first)
        assert not run.pictures
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(tmp_path / "data/train/fox/3.png")
    run, source = Runner(), load(order=1)
    after = by_id(source, open_stream(two_views, source, tmp_path / "kept", run))[0]
    assert run.pictures.total() == 40
    assert _other_pictures(first[0], after) == ["train/fox/3.png"]


@pytest.mark.usefixtures("neighbours")
def test_a_stream_without_numbers_shares_with_its_own_order_alone(two_views, tmp_path):
    def bare(**keys):
        source = classes(**keys)
        tasks = [
            replace(t, splits={n: replace(s, number=None) for n, s in t.splits.items()}) for t in source.tasks
        ]
        return replace(source, tasks=tasks)

    run = Runner()
    first = by_id(bare(), open_stream(two_views, bare(), tmp_path, run))
    assert run.pictures.total() == COUNT
    run = Runner()
    other = by_id(bare(order=ORDER), open_stream(two_views, bare(order=ORDER), tmp_path, run))
    assert run.pictures.total() == COUNT
    views = [record for record in first[1] if not np.array_equal(first[1][record], other[1][record])]
    assert views, "their views are drawn from their rows"
    run = Runner()
    assert_same(by_id(bare(), open_stream(two_views, bare(), tmp_path, run)), first)
    assert not run.pictures


@pytest.mark.usefixtures("neighbours")
def test_the_first_order_is_read_in_place_and_another_one_from_files_of_its_own(two_views, tmp_path):
    kept, ordered = tmp_path / "features", tmp_path / "run" / "ordered"
    own = open_bank(two_views, classes(), kept, lambda line: None, encode_here, ordered).encoded
    assert not ordered.exists() and {own.files[n].parent.parent for n in own.files} == {kept}
    other = open_bank(two_views, classes(order=ORDER), kept, lambda line: None, encode_here, ordered).encoded
    assert {n: other.files[n].parent for n in ("feature", "views")} == {"feature": ordered, "views": ordered}
    held = open_bank(two_views, classes(order=ORDER), kept, lambda line: None, encode_here).encoded
    assert set(held.files) == {"herding"}
    for name in ("feature", "views", "herding"):
        assert np.array_equal(held.open(name), other.open(name))
        assert np.array_equal(np.load(other.files[name]), other.open(name))
        assert isinstance(other.open(name), np.memmap)


@pytest.mark.usefixtures("neighbours")
def test_a_session_encodes_nothing_of_another_order_and_removes_what_it_gathered(two_views, tmp_path):
    source = shapes()
    open_stream(two_views, source, tmp_path / "features")
    request = SimpleNamespace(folder=tmp_path / "run", base=two_views, source=shapes(order=(2, 0, 1)))
    ordered = request.folder / "ordered"
    ordered.mkdir(parents=True)
    (ordered / "of a session that died").touch()
    shared = SharedStream(request, lambda line: None)
    shared.encode()  # a Ray would be asked for to encode anything
    assert sorted(path.name for path in ordered.iterdir()) == ["feature.npy", "views.npy"]
    shared.free(lost=True)
    assert not ordered.exists()
