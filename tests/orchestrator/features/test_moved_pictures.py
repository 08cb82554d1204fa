"""What is kept of pictures where splits move, pictures cannot be read, or encoding was interrupted."""

import pytest
from kept_features import COUNT, ORDER, Runner, Spoilt, assert_equal, assert_same, by_id, classes, open_stream

from orchestrator.errors import BadRecord

pytestmark = pytest.mark.usefixtures("neighbours")


def test_a_split_that_moves_encodes_what_has_no_views_yet(two_views, tmp_path):
    source, moved = classes(), classes(seed=1, order=ORDER)
    held = {i for task in source.tasks for i in task.splits["validation"].ids}
    trained = {i for task in moved.tasks for i in task.splits["train"].ids}
    assert held & trained, "some were held out and are now trained on"
    first, run = by_id(source, open_stream(two_views, source, tmp_path / "shared")), Runner()
    second = by_id(moved, open_stream(two_views, moved, tmp_path / "shared", run))
    # What is encoded together with them is encoded with them.
    assert len(held & trained) <= run.pictures["train"] and run.pictures.total() < COUNT / 2
    assert set(second[1]) == trained
    assert_equal(first, second)
    assert_same(second, by_id(moved, open_stream(two_views, moved, tmp_path / "alone")))
    for again in (source, moved):
        run = Runner()
        found = by_id(again, open_stream(two_views, again, tmp_path / "shared", run))
        assert not run.pictures
        assert_same(found, second if again is moved else first)


def test_what_cannot_be_read_is_left_out_of_each_order_until_it_can(two_views, tmp_path, monkeypatch):
    lenient = two_views.with_values({"run.skip_bad": True})
    monkeypatch.setattr(Spoilt, "bad", frozenset({5, 18, 30}))
    source, other = classes(), classes(order=ORDER)
    first, run = by_id(source, open_stream(lenient, source, tmp_path)), Runner()
    second = open_stream(lenient, other, tmp_path, run)
    assert not run.pictures
    assert_same(by_id(other, second), first)
    assert {f"picture {i}" for i in range(COUNT)} - set(first[0]) == {
        "picture 5",
        "picture 18",
        "picture 30",
    }
    assert len(second.views) == len(second.herding) == second.starts[-1]
    with pytest.raises(BadRecord, match="picture (5|18|30) is no picture"):
        open_stream(two_views, other, tmp_path)
    monkeypatch.setattr(Spoilt, "bad", frozenset({18}))
    run, said = Runner(), []
    mended = by_id(other, open_stream(lenient, other, tmp_path, run, said))
    assert set(mended[0]) - set(first[0]) == {"picture 5", "picture 30"}
    assert any(line.startswith("2 picture(s) that were left out of") for line in said)
    assert 2 <= run.pictures.total() <= 8, "their chunks alone"
    # As where they could be read from the first.
    assert_same(mended, by_id(other, open_stream(lenient, other, tmp_path / "alone")))


@pytest.mark.parametrize("chunks", [3, 9])
def test_what_one_order_began_another_one_finishes(two_views, tmp_path, chunks):
    source, other = classes(), classes(order=ORDER)
    with pytest.raises(KeyboardInterrupt):
        open_stream(two_views, source, tmp_path / "cut", begun := Runner(chunks))
    run = Runner()
    found = by_id(other, open_stream(two_views, other, tmp_path / "cut", run))
    assert begun.pictures.total() > 0 and begun.pictures.total() + run.pictures.total() == COUNT
    assert_same(found, by_id(other, open_stream(two_views, other, tmp_path / "whole")))


def test_an_interrupted_encoding_without_views_is_not_taken_for_one_with_them(two_views, tmp_path):
    """What the first seed holds out comes last, without views; the second one trains on it."""
    source, moved = classes(), classes(seed=1)
    with pytest.raises(KeyboardInterrupt):
        open_stream(two_views, source, tmp_path / "cut", begun := Runner(19))
    assert begun.pictures["validation"]
    found = by_id(moved, open_stream(two_views, moved, tmp_path / "cut", Runner()))
    assert_same(found, by_id(moved, open_stream(two_views, moved, tmp_path / "whole")))
